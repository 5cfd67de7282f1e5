"""skinny_linear against its definition in float64 NumPy, its choices and its error messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gfx_kernels import skinny_linear, targets
from gfx_kernels.skinny_linear import cases, implementations

from tests import mock_hip


def _f64(tensor: torch.Tensor) -> Any:
    return tensor.double().numpy()


def _expected(p: cases.Problem) -> tuple[Any, Any]:
    """The result and the sum of absolute products."""
    x, weight = _f64(p.x), _f64(p.weight)
    bias = 0.0 if p.bias is None else _f64(p.bias)
    return x @ weight.T + bias, np.abs(x) @ np.abs(weight).T + np.abs(bias)


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_reference_equals_definition(case: cases.Case) -> None:
    p = cases.problem(case, seed=case.m)
    out = skinny_linear.skinny_linear(p.x, p.weight, p.bias)
    expected, size = _expected(p)
    assert out.dtype == case.dtype and out.shape == (case.m, case.n)
    allowed = cases.ROUNDING[case.dtype] * np.abs(expected) + cases.SUMMATION * size
    error = np.abs(_f64(out) - expected)
    assert (error <= allowed).all(), f"worst: {np.max(error / allowed):.2f} times the tolerance"


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_torch_is_within_tolerance(case: cases.Case) -> None:
    p = cases.problem(case, seed=case.m)
    out = skinny_linear.skinny_linear(p.x, p.weight, p.bias, implementation="torch")
    expected, _ = _expected(p)
    assert out.dtype == case.dtype
    error = np.abs(_f64(out) - expected).max()
    assert error <= cases.TOLERANCE[case.dtype] * np.abs(expected).max()


def test_fake_implementation_agrees() -> None:
    p = cases.problem(cases.Case(3, 64, 8, bias=True))
    torch.library.opcheck(torch.ops.gfx.skinny_linear, (p.x, p.weight, p.bias))


def test_compiles_without_a_graph_break() -> None:
    p = cases.problem(cases.Case(3, 64, 8))

    def double(x: torch.Tensor) -> torch.Tensor:
        return skinny_linear.skinny_linear(2 * x, p.weight)

    compiled = torch.compile(double, fullgraph=True, backend="eager", dynamic=True)
    assert torch.equal(compiled(p.x), double(p.x))


def _good() -> dict[str, Any]:
    p = cases.problem(cases.Case(2, 64, 8, bias=True))
    return {"x": p.x, "weight": p.weight, "bias": p.bias}


def _ones(*size: int, dtype: torch.dtype = torch.float16, device: str = "cpu") -> torch.Tensor:
    return torch.ones(size, dtype=dtype, device=device)


BAD = {
    "x dtype": ({"x": _ones(2, 64, dtype=torch.float32)}, "x is float32; give float16 or bfloat16"),
    "x other dtype": ({"x": _ones(2, 64, dtype=torch.bfloat16)}, "weight is float16, x is bfloat1"),
    "x dims": ({"x": _ones(1, 2, 64)}, r"x is \[1, 2, 64\]; give it 2 dimensions"),
    "x without rows": ({"x": _ones(0, 64)}, "rows of x is 0; give 1 to 8"),
    "x with many rows": ({"x": _ones(9, 64)}, "rows of x is 9; give 1 to 8"),
    "x strides": ({"x": _ones(64, 2).t()}, "x has strides .*make it contiguous"),
    "weight shape": ({"weight": _ones(8, 65)}, r"weight is \[8, 65\]; give \[n, 64\]"),
    "weight dims": ({"weight": _ones(64)}, r"weight is \[64\]; give \[n, 64\]"),
    "weight empty": ({"weight": _ones(0, 64), "bias": None}, "weight is .*must not be empty"),
    "weight strides": ({"weight": _ones(64, 8).t()}, "weight has strides"),
    "weight device": ({"weight": _ones(8, 64, device="meta")}, "weight is on meta, x is on cpu"),
    "bias shape": ({"bias": _ones(64)}, r"bias is \[64\]; give \[8\]"),
    "bias dtype": ({"bias": _ones(8, dtype=torch.float32)}, "bias is float32, x is float16"),
    "kernel on the cpu": ({"implementation": "gemv"}, "gemv was asked for .*(?i:cpu)"),
    "unknown": ({"implementation": "magic"}, "no implementation 'magic'"),
}  # fmt: skip


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_bad_arguments_say_what_to_do(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        skinny_linear.skinny_linear(**{**_good(), **change})


@pytest.mark.parametrize("k, reason", [(7, "7 inputs"), (32776, "32776 inputs")])
def test_inputs_the_kernel_does_not_take(k: int, reason: str) -> None:
    with pytest.raises(ValueError, match=f"gemv was asked for and cannot serve .*{reason}"):
        skinny_linear.skinny_linear(_ones(1, k), _ones(1, k), implementation="gemv")


def test_a_view_that_is_not_aligned_is_not_the_kernels() -> None:
    x = _ones(65)[1:].view(1, 64)
    with pytest.raises(ValueError, match="does not start at a multiple of 16 bytes"):
        skinny_linear.skinny_linear(x, _ones(8, 64), implementation="gemv")


@pytest.mark.parametrize("m", [1, 3, 8])
def test_the_kernel_is_one_launch(m: int) -> None:
    x, weight = _ones(m, 64), _ones(24, 64)
    with mock_hip.device("gfx1100", run=lambda launch: None) as gpu:
        out = skinny_linear.skinny_linear(x, weight, implementation="gemv")
    (launch,) = gpu.launches
    assert launch.kernel.startswith("skinny_linear_")
    assert {out.data_ptr(), x.data_ptr(), weight.data_ptr()} <= set(launch.arguments())


def test_many_rows_are_torchs_where_a_device_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert implementations.preferred_rows("an unknown device") == implementations.MAX_ROWS
    assert implementations.preferred_rows("sm_90") < 3
    for file in implementations.TUNE.glob("*.yaml"):
        assert 0 <= implementations.preferred_rows(file.stem) <= implementations.MAX_ROWS
    monkeypatch.setattr(implementations, "_rows_on", lambda device: 2)
    for m, first in ((1, "gemv"), (2, "gemv"), (3, "torch")):
        assert implementations._order(_ones(m, 64, device="meta"))[0].name == first


def test_targets_without_code_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("GFX_KERNELS_CODE", str(tmp_path))
    assert skinny_linear.why_not_on(targets.REFERENCE) is None
    for name in set(targets.all_targets()) - {targets.REFERENCE}:
        reason = skinny_linear.why_not_on(name)
        assert reason is not None and f"skinny_linear has no code object for {name}" in reason
