"""vLLM's layers on machine code: checkpoint, routing, layout, op, launcher, loader and kernel.

The kernels are those that are shipped; a mock of AMD's runtime hands their launches to the
emulator.
"""

from __future__ import annotations

import pytest
import torch
from gfx_kernels import targets
from gfx_kernels.skinny_linear import cases
from vllm_gfx.linear import unquantised

from tests import mock_hip
from tests.shims.linear import formats, layer

EMULATED = [t.name for t in targets.all_targets().values() if "emulated" in t.tests]
NAMES = ("gptq-g128", "gptq-desc-act-asym", "awq-g32", "awq-g-1", "ct-sym-g32", "ct-asym-g128")


@pytest.mark.parametrize("gfx", EMULATED)
@pytest.mark.parametrize("name", NAMES)
def test_4_bit_layer(name: str, gfx: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GFX_KERNELS_IMPLEMENTATION", "w4a16_linear=gemv")
    dtype = torch.bfloat16 if "ct" in name else torch.float16
    form = formats.FORMATS[name]
    weight = form.weight(104, layer.K)
    down = layer.down(form, dtype, n=104)
    layer.load(down, form.pack(weight))
    layer.finish(down)
    with mock_hip.device(gfx) as gpu:
        layer.assert_multiplies_by(down, weight.dense(dtype), dtype, exact=False)
    (launch,) = gpu.launches
    assert launch.kernel.startswith("w4a16_linear_")


def _not_asked(*_: object) -> torch.Tensor:
    raise AssertionError("upstream was asked")


@pytest.mark.parametrize("gfx", EMULATED)
def test_unquantised_layer(gfx: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GFX_KERNELS_IMPLEMENTATION", "skinny_linear=gemv")
    p = cases.problem(cases.Case(3, 256, 72, torch.bfloat16, bias=True))
    assert p.bias is not None
    with mock_hip.device(gfx) as gpu:
        out = unquantised.gemm(_not_asked)(p.x, p.weight, p.bias)
    (launch,) = gpu.launches
    assert launch.kernel.startswith("skinny_linear_")
    exact = p.x.double() @ p.weight.double().t() + p.bias.double()
    assert (out.double() - exact).abs().max() <= cases.TOLERANCE[p.x.dtype] * exact.abs().max()
