"""vLLM's names for our ops under a compiler: torch's own checks of each, and a whole graph of it.

On a simulated card, where these ops exist. Under their own names they are checked in tests/kernels.
"""

from __future__ import annotations

from typing import Any

import torch
from gfx_kernels import casework
from vllm_gfx.ops import kernels, library

from tests.shims.amd import simulate
from tests.support import fresh, writing_op

GFX = "gfx1100"
# Nobody compiles it: it is called between graphs, on tensors that exist.
UNTRACED = {"_C.weak_ref_tensor", "_C.get_cuda_view_from_cpu_tensor"}


def _experts() -> dict[str, tuple[Any, ...]]:
    """Arguments of the ops for mixtures of experts: 5 tokens, 2 of 6 experts each."""
    gating = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[0, 1], [1, 5], [2, 3], [4, 0], [3, 2]], dtype=torch.int32)
    routed = (torch.zeros(5, 2), ids.clone(), ids.clone(), gating, True, None)
    aligned = (torch.zeros(28).int(), torch.zeros(7).int(), torch.zeros(1).int())
    return {
        "_moe_C.topk_softmax": (*routed, None),
        "_moe_C.topk_sigmoid": (*routed, 1.0, None),
        "_moe_C.moe_align_block_size": (ids, 6, 4, *aligned, None, ids.clone()),
        "_moe_C.moe_sum": (gating.view(5, 2, 3), torch.zeros(5, 3), ids, None),
    }


def _arguments() -> dict[str, tuple[Any, ...]]:
    found = {}
    for name, op in kernels.OPS.items():
        if name not in UNTRACED:
            case = writing_op.small(op)[0]
            found[name] = tuple(writing_op.cases_of(op).problem(case).values())
    return {**found, **_experts()}


def _copied(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(casework.copied({str(i): a for i, a in enumerate(arguments)}).values())


def _same(a: Any, b: Any) -> bool:
    return a == b if not isinstance(a, torch.Tensor) else torch.equal(a, b)


def _check_each() -> None:
    library.install()
    every = _arguments()
    assert {*every, *UNTRACED} == {*kernels.OPS, *library.IMPLEMENTATIONS}
    for name, arguments in every.items():
        namespace, short = name.split(".")
        op = getattr(getattr(torch.ops, namespace), short)
        torch.library.opcheck(op.default, _copied(arguments))
        # Without this one a trace on a CPU runs the op itself, and a trace on a GPU fails.
        op(*(a.to("meta") if isinstance(a, torch.Tensor) else a for a in arguments))
        eager, compiled = _copied(arguments), _copied(arguments)
        op(*eager)
        torch.compiler.reset()
        torch.compile(op, fullgraph=True, backend="aot_eager")(*compiled)
        assert not all(map(_same, eager, arguments)), f"{name} wrote nothing"
        assert all(map(_same, eager, compiled)), name


def test_each_op() -> None:
    fresh.run(_check_each, simulate.environment(GFX))


def _layers() -> None:
    from vllm.config import CompilationConfig, VllmConfig, set_current_vllm_config
    from vllm.model_executor.layers.activation import GeluAndMul, SiluAndMul
    from vllm_gfx import report

    compilation = CompilationConfig(mode=3, backend="inductor")
    with set_current_vllm_config(VllmConfig(compilation_config=compilation)):
        layers = (GeluAndMul("tanh"), SiluAndMul())
    x = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))
    gate, up = x.chunk(2, dim=-1)
    functional = torch.nn.functional
    wanted = (functional.gelu(gate, approximate="tanh") * up, functional.silu(gate) * up)
    for layer, exact in zip(layers, wanted, strict=True):
        found = torch.compile(layer, fullgraph=True, backend="aot_eager")(x)
        torch.testing.assert_close(found, exact)
    served = {row.implementation for row in report.rows()}
    assert "gfx::gelu_tanh_and_mul" in served and "gfx::silu_and_mul" not in served


def test_of_layers_only_what_is_always_ours_is_so_under_inductor() -> None:
    """`needs.ALWAYS`, and not the rest of `needs.LAYERS`."""
    fresh.run(_layers, simulate.environment(GFX))
