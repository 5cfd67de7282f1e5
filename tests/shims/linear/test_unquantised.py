"""Few rows of unquantised layers go to gfx::skinny_linear, the rest where upstream sends it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from gfx_kernels import skinny_linear
from vllm_gfx.linear import unquantised

from tests.shims.amd import simulate

_K, _N = 64, 24


def _x(*rows: int, dtype: torch.dtype = torch.float16) -> torch.Tensor:
    return torch.randn(*rows, _K, generator=torch.Generator().manual_seed(0)).to(dtype)


def _weight(dtype: torch.dtype = torch.float16) -> torch.Tensor:
    return torch.randn(_N, _K, generator=torch.Generator().manual_seed(1)).to(dtype)


_BIAS = torch.linspace(-1, 1, _N).half()
_CALLS: dict[str, tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None], str]] = {
    "one row": ((_x(1), _weight(), None), "ours"),
    "eight rows and a bias": ((_x(8), _weight(), _BIAS), "ours"),
    "one dimension": ((_x(), _weight(), None), "ours"),
    "three dimensions": ((_x(2, 3), _weight(), None), "ours"),
    "bfloat16": ((_x(2, dtype=torch.bfloat16), _weight(torch.bfloat16), None), "ours"),
    "rows that lie apart": ((_x(4)[::2], _weight(), None), "ours"),
    "nine rows": ((_x(9), _weight(), None), "upstream's"),
    "no rows": ((_x(0), _weight(), None), "upstream's"),
    "float32": ((_x(2, dtype=torch.float32), _weight(torch.float32), None), "upstream's"),
    "transposed weight": ((_x(2), _weight().t().contiguous().t(), None), "upstream's"),
}


@pytest.mark.parametrize("arguments, whose", _CALLS.values(), ids=_CALLS)
def test_who_multiplies(
    arguments: tuple[Any, ...], whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []
    op = skinny_linear.skinny_linear

    def ours(*args: Any) -> torch.Tensor:
        called.append("ours")
        return op(*args)

    def upstream(*args: Any) -> torch.Tensor:
        called.append("upstream's")
        return torch.nn.functional.linear(*args)

    monkeypatch.setattr(skinny_linear, "skinny_linear", ours)
    out = unquantised.gemm(upstream)(*arguments)
    assert called == [whose]
    torch.testing.assert_close(out, torch.nn.functional.linear(*arguments), rtol=1e-2, atol=2e-2)


_INSTALLED = """
import torch
from vllm.model_executor.layers import utils
from vllm.platforms import current_platform
import vllm_gfx
from vllm_gfx.engine import skinny_linear as shim
from vllm_gfx.linear import unquantised
from gfx_kernels import skinny_linear

vllm_gfx.register()
calls = []
op = skinny_linear.skinny_linear
skinny_linear.skinny_linear = lambda *args: calls.append(len(args[0])) or op(*args)
utils.rocm_unquantized_gemm_impl = lambda *args: calls.append("upstream") or torch.zeros(9, 8)
weight = torch.ones(8, 32, dtype=torch.float16)

def multiply(rows):
    return torch.ops.vllm.rocm_unquantized_gemm(weight[:1].expand(rows, 32).contiguous(), weight)

before = shim.needed(), len(calls)
shim.install()
out = [multiply(rows) for rows in (1, 8, 9)]
answer = {
    "rocm": current_platform.is_rocm(),
    "needed": before[0],
    "calls": calls,
    "first": out[0].tolist(),
    "asks nobody": utils.dispatch_unquantized_gemm("gfx") is utils.rocm_unquantized_gemm,
    "described": unquantised.describe(weight, "upstream's"),
}
"""


@pytest.fixture(scope="module")
def installed() -> dict[str, Any]:
    answer: dict[str, Any] = simulate.ask("gfx1100", _INSTALLED)
    return answer


def test_still_needed(installed: dict[str, Any]) -> None:
    """When this fails, upstream lets a plug-in choose: delete engine/skinny_linear."""
    assert installed["rocm"] and installed["asks nobody"]


def test_a_simulated_card_has_no_kernel(installed: dict[str, Any]) -> None:
    assert installed["needed"] is False
    reason = "unquantised; not skinny_linear: a simulated gfx1100 runs no compiled kernel"
    assert installed["described"] == ["upstream's", reason]


def test_every_caller_of_the_op_gets_ours(installed: dict[str, Any]) -> None:
    assert installed["calls"] == [1, 8, "upstream"]
    assert installed["first"] == [[32.0] * 8]
