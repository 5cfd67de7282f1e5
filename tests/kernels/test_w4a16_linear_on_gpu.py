"""w4a16_linear's kernel on a real GPU, AMD's or NVIDIA's; skipped without one.

Needs torch, this package and a code object for the device (`GFX_KERNELS_CODE`), nothing else.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from gfx_kernels import choice, runtime, w4a16_linear
from gfx_kernels.w4a16_linear import cases, implementations, launcher, plan, reference, tuning

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture(autouse=True, params=["the device's", "every device's"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The kernel that the device is tuned for, and the one that AMD's devices have."""
    if request.param == "every device's":
        everywhere = tuning.of("an unknown device")
        monkeypatch.setattr(tuning, "of", lambda arch: everywhere)
    plan.plan.cache_clear()
    yield
    plan.plan.cache_clear()


def _arguments(case: cases.Case, seed: int = 0) -> dict[str, Any]:
    return cases.arguments(case, cases.problem(case, seed, "cuda"))


def _exact(a: dict[str, Any]) -> torch.Tensor:
    """In float64, on the dequantised weight, which float32 holds exactly enough."""
    weight = reference.dequantise(a["qweight"], a["scales"], a["zeros"], a["n"]).double()
    x = a["x"].double() if a["order"] is None else a["x"].double()[:, a["order"]]
    out = x @ weight.t()
    return out if a["bias"] is None else out + a["bias"].double()


def _worst(out: torch.Tensor, a: dict[str, Any]) -> float:
    exact = _exact(a)
    return float((out.double() - exact).abs().max() / exact.abs().max())


def _is_the_kernels(case: cases.Case) -> bool:
    size = case.k if case.group_size == -1 else case.group_size
    return case.m <= implementations.MAX_ROWS and case.dtype != torch.float32 and size % 32 == 0


KERNEL_CASES = [case for case in cases.CASES if _is_the_kernels(case)]
_ROWS = tuple(range(1, implementations.MAX_ROWS + 1))
BENCH = [
    dataclasses.replace(case, dtype=dtype)
    for case in cases.BENCH
    for dtype in implementations.KERNEL_DTYPES
]


@pytest.mark.parametrize("case", KERNEL_CASES, ids=lambda c: c.name)
def test_kernel_is_within_tolerance(case: cases.Case) -> None:
    arguments = _arguments(case)
    out = w4a16_linear.w4a16_linear(**arguments, implementation="gemv")
    assert out.shape == (case.m, case.n) and out.dtype == case.dtype
    assert _worst(out, arguments) <= cases.TOLERANCE[case.dtype]


LONG = [(2816 + 32, 32), (2816 + 128, 128), *((k, g) for k in (18944, 32768) for g in (32, 128))]


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize(("k", "size"), LONG)
@pytest.mark.parametrize("m", _ROWS)
def test_long_rows_are_within_tolerance(m: int, k: int, size: int, zeros: bool) -> None:
    arguments = _arguments(cases.Case(m, k, 80, size, torch.float16, zeros=zeros))
    out = w4a16_linear.w4a16_linear(**arguments, implementation="gemv")
    assert _worst(out, arguments) <= cases.TOLERANCE[torch.float16]


@pytest.mark.parametrize("dtype", implementations.KERNEL_DTYPES)
@pytest.mark.parametrize("size", [32, 128])
@pytest.mark.parametrize("m", [1, 3, 8])
def test_inputs_far_from_zero(m: int, size: int, dtype: torch.dtype) -> None:
    """Where zeros are taken from a sum of x, most of that sum goes again."""
    arguments = _arguments(cases.Case(m, 4096, 80, size, dtype, zeros=True))
    arguments["x"] += 4
    arguments["x"][:, 7] = 1000
    out = w4a16_linear.w4a16_linear(**arguments, implementation="gemv")
    assert _worst(out, arguments) <= cases.TOLERANCE[dtype]


@pytest.mark.parametrize("m", [9, 16, 31, 32, 33, 64])
def test_more_rows_than_a_launch_takes(m: int) -> None:
    arguments = _arguments(cases.Case(m, 1024, 528, 128, torch.float16, zeros=True, bias=True))
    if m > implementations.numbers_for(arguments["x"])["rows"]:
        with pytest.raises(ValueError, match="more than"):
            w4a16_linear.w4a16_linear(**arguments, implementation="gemv")
        return
    out = w4a16_linear.w4a16_linear(**arguments, implementation="gemv")
    assert _worst(out, arguments) <= cases.TOLERANCE[torch.float16]
    at_once = plan.at_once(launcher.arch_of(runtime.current(), 0))
    for rows in (slice(0, at_once), slice(at_once, 2 * at_once)):
        part = {**arguments, "x": arguments["x"][rows].contiguous()}
        if part["x"].numel():
            alone = w4a16_linear.w4a16_linear(**part, implementation="gemv")
            assert torch.equal(out[rows], alone)


@pytest.mark.parametrize("case", BENCH, ids=lambda c: c.name)
def test_real_layers_are_within_tolerance(case: cases.Case) -> None:
    packed = cases.packed_weight(case, seed=1, device="cuda")
    rng = torch.Generator("cuda").manual_seed(2)
    x = torch.randn(case.m, case.k, generator=rng, device="cuda").to(case.dtype)
    arguments = {**vars(packed), "x": x, "order": None, "bias": None, "n": case.n}
    out = w4a16_linear.w4a16_linear(**arguments, group_size=case.group_size, implementation="gemv")
    assert _worst(out, arguments) <= cases.TOLERANCE[case.dtype]


@pytest.mark.parametrize("dtype", implementations.KERNEL_DTYPES)
@pytest.mark.parametrize("m", _ROWS)
def test_runs_agree_to_the_bit(m: int, dtype: torch.dtype) -> None:
    arguments = _arguments(cases.Case(m, 4096, 528, 128, dtype, zeros=True, bias=True))
    first = w4a16_linear.w4a16_linear(**arguments, implementation="gemv")
    for _ in range(20):
        again = w4a16_linear.w4a16_linear(**arguments, implementation="gemv")
        assert torch.equal(first, again)


@pytest.mark.parametrize("n", [1, 17, 40, 528])
@pytest.mark.parametrize("m", _ROWS)
def test_nothing_outside_the_result_is_written(m: int, n: int) -> None:
    a = _arguments(cases.Case(m, 512, n, 64, torch.float16, zeros=True))
    guarded = torch.full((m * n + 512,), 7.0, dtype=torch.float16, device="cuda")
    out = guarded[256 : 256 + m * n].view(m, n)
    launcher.gemv(out, a["x"], a["qweight"], a["scales"], a["zeros"], None, 64)
    assert bool((guarded[:256] == 7).all()) and bool((guarded[256 + m * n :] == 7).all())
    assert _worst(out, a) <= cases.TOLERANCE[torch.float16]


@pytest.mark.parametrize("m", [4, 20])
def test_a_captured_graph_replays(m: int) -> None:
    arguments = _arguments(cases.Case(m, 1024, 272, 128, torch.float16, zeros=True))
    w4a16_linear.w4a16_linear(**arguments)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = w4a16_linear.w4a16_linear(**arguments)
    arguments["x"].mul_(-2)
    graph.replay()
    assert torch.equal(out, w4a16_linear.w4a16_linear(**arguments))
    assert _worst(out, arguments) <= cases.TOLERANCE[torch.float16]


@pytest.mark.parametrize("m", [9, 30, 64, 300, 600])
@pytest.mark.parametrize("dtype", w4a16_linear.DTYPES)
def test_many_rows_are_within_tolerance(m: int, dtype: torch.dtype) -> None:
    arguments = _arguments(cases.Case(m, 1024, 273, 128, dtype, True, True, True))
    out = w4a16_linear.w4a16_linear(**arguments)
    tolerance = max(cases.TOLERANCE[dtype], 2e-3)  # torch may multiply float32 as tf32
    assert _worst(out, arguments) <= tolerance


def test_few_rows_choose_the_kernel() -> None:
    a = _arguments(cases.Case(2, 64, 16, 32, torch.float16))
    tensors = (a["x"], a["qweight"], a["scales"], a["zeros"])
    assert choice.pick("w4a16_linear", implementations.ON_GPU, *tensors) is implementations.GEMV
