"""w4a16_linear's kernels for 9 to 32 rows of x, which NVIDIA's GPUs have; skipped without one.

Needs torch, this package and a code object for the device (`GFX_KERNELS_CODE`), nothing else.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from gfx_kernels import availability, rows
from gfx_kernels.w4a16_linear import cases, implementations, launcher, plan, reference, tuning
from gfx_kernels.w4a16_linear.staging import Shape


def _arch() -> str:
    return availability.arch_of(torch.device("cuda", 0))


HAS_THEM = torch.cuda.is_available() and tuning.of(_arch())["kernel"] == "mma"
pytestmark = pytest.mark.skipif(not HAS_THEM, reason="needs a GPU with these kernels")

# Waves across outputs and along inputs, stages in flight, blocks of a cluster.
CHOICES = [(2, 4, 2, 1), (1, 1, 1, 4), (8, 2, 3, 1), (3, 2, 2, 4), (2, 8, 6, 1), (1, 16, 2, 4)]
# Outputs, inputs, group size, zeros: ragged ends in both directions, groups of all kinds.
LAYERS = [
    (1, 32, 32, True),
    (40, 96, 32, False),
    (272, 1056, 96, True),
    (272, 1056, 1056, True),
    (528, 2048, 128, True),
    (100, 3584, 3584, False),
    (1000, 1024, 256, False),
    (72, 32768, 64, True),
]


def _exact(a: dict[str, torch.Tensor], n: int) -> torch.Tensor:
    weight = reference.dequantise(a["qweight"], a["scales"], a["zeros"], n).double()
    return a["x"].double() @ weight.t() + a["bias"].double()


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.parametrize("layer", LAYERS, ids=str)
@pytest.mark.parametrize("m", [9, 16, 17, 31, 32])
@pytest.mark.parametrize("dtype", implementations.KERNEL_DTYPES)
def test_any_plan_makes_the_result_and_nothing_else(
    dtype: torch.dtype, m: int, layer: tuple[int, int, int, bool], choice: tuple[int, ...]
) -> None:
    n, k, size, zeros = layer
    case = cases.Case(m, k, n, size, dtype, zeros=zeros, bias=True)
    a = cases.arguments(case, cases.problem(case, seed=m, device="cuda"))
    shape = Shape(m, n, k, k // size, zeros)
    todo = plan.many_rows(_arch(), rows.TYPES[dtype], shape, tuning.Many(*choice))
    exact = _exact(a, n)
    first: torch.Tensor | None = None
    for _ in range(3):
        guarded = torch.full((m * n + 512,), float("nan"), dtype=dtype, device="cuda")
        guarded[:256], guarded[256 + m * n :] = 7, 7
        out = guarded[256 : 256 + m * n].view(m, n)
        launcher.launch(todo, out, a["x"], a["qweight"], a["scales"], a["zeros"], a["bias"])
        assert bool((guarded[:256] == 7).all()) and bool((guarded[256 + m * n :] == 7).all())
        error = (out.double() - exact).abs().max() / exact.abs().max()
        assert float(error) <= cases.TOLERANCE[dtype]
        assert first is None or torch.equal(out, first)
        first = out


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_launches_that_overlap_keep_their_order(choice: tuple[int, ...]) -> None:
    """Each takes what the one before it writes, which it may not read before that has ended."""
    case = cases.Case(20, 1024, 1024, 128, torch.float16, zeros=True)
    a = cases.arguments(case, cases.problem(case, device="cuda"))
    shape = Shape(case.m, case.n, case.k, case.groups, True)
    todo = plan.many_rows(_arch(), "f16", shape, tuning.Many(*choice))
    steps = [a["x"], *(torch.empty_like(a["x"]) for _ in range(8))]
    _launch(todo, steps[:2], a)
    a["scales"] *= steps[0].norm() / steps[1].norm()  # so that all are about as large
    for i in range(8):
        _launch(todo, steps[i : i + 2], a)
        torch.cuda.synchronize()
    wanted, graph = [step.clone() for step in steps], torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        _launch(todo, steps, a)
    for _ in range(20):
        for step in steps[1:]:
            step.zero_()
        graph.replay()
        assert all(map(torch.equal, steps, wanted))


def _launch(todo: plan.Plan, steps: list[torch.Tensor], a: dict[str, torch.Tensor]) -> None:
    for x, out in pairwise(steps):
        launcher.launch(todo, out, x, a["qweight"], a["scales"], a["zeros"], None)
