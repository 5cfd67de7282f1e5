"""skinny_linear's kernel on a real GPU, AMD's or NVIDIA's; skipped without one.

Needs torch, this package and a code object for the device (`GFX_KERNELS_CODE`), nothing else.
"""

from __future__ import annotations

import pytest
import torch
from gfx_kernels import skinny_linear
from gfx_kernels.skinny_linear import cases, implementations

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

_ROWS = tuple(range(1, implementations.MAX_ROWS + 1))
KERNEL_CASES = [case for case in cases.CASES if case.k % 8 == 0]


def _worst(out: torch.Tensor, p: cases.Problem) -> float:
    exact = torch.cat([p.x.double() @ w.double().t() for w in p.weight.split(8192)], dim=1)
    if p.bias is not None:
        exact += p.bias.double()
    return float((out.double() - exact).abs().max() / exact.abs().max())


@pytest.mark.parametrize("case", [*KERNEL_CASES, *cases.BENCH], ids=lambda c: c.name)
def test_kernel_is_within_tolerance(case: cases.Case) -> None:
    p = cases.problem(case, device="cuda")
    out = skinny_linear.skinny_linear(p.x, p.weight, p.bias, implementation="gemv")
    assert out.shape == (case.m, case.n) and out.dtype == case.dtype
    assert _worst(out, p) <= cases.TOLERANCE[case.dtype]


@pytest.mark.parametrize("dtype", skinny_linear.DTYPES)
@pytest.mark.parametrize("m", _ROWS)
def test_runs_agree_to_the_bit(m: int, dtype: torch.dtype) -> None:
    p = cases.problem(cases.Case(m, 4096, 130, dtype, bias=True), device="cuda")
    first = skinny_linear.skinny_linear(p.x, p.weight, p.bias, implementation="gemv")
    for _ in range(20):
        again = skinny_linear.skinny_linear(p.x, p.weight, p.bias, implementation="gemv")
        assert torch.equal(first, again)


@pytest.mark.parametrize("n", [1, 17, 64, 130])
@pytest.mark.parametrize("m", _ROWS)
def test_nothing_outside_the_result_is_written(m: int, n: int) -> None:
    from gfx_kernels.skinny_linear import launcher

    p = cases.problem(cases.Case(m, 520, n), device="cuda")
    guarded = torch.full((m * n + 512,), 7.0, dtype=torch.float16, device="cuda")
    out = guarded[256 : 256 + m * n].view(m, n)
    launcher.launch(out, p.x, p.weight, None)
    assert bool((guarded[:256] == 7).all()) and bool((guarded[256 + m * n :] == 7).all())
    assert _worst(out, p) <= cases.TOLERANCE[torch.float16]


def test_a_captured_graph_replays() -> None:
    p = cases.problem(cases.Case(4, 1024, 272), device="cuda")
    skinny_linear.skinny_linear(p.x, p.weight, implementation="gemv")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = skinny_linear.skinny_linear(p.x, p.weight, implementation="gemv")
    p.x.mul_(-2)
    graph.replay()
    assert torch.equal(out, skinny_linear.skinny_linear(p.x, p.weight, implementation="gemv"))
