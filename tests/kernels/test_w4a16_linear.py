"""w4a16_linear against its definition in float64 NumPy, and its error messages."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from gfx_kernels import choice, w4a16_linear
from gfx_kernels.w4a16_linear import cases, dequantise, implementations, tuning
from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"


def _f64(tensor: torch.Tensor) -> Array:
    return tensor.double().numpy()


def _expected(case: cases.Case, p: cases.Problem) -> tuple[Array, Array]:
    """The result and the sum of absolute products, element by element from the definition."""
    group = np.arange(case.k) // (case.k // case.groups)
    zeros = 8.0 if p.zeros is None else _f64(p.zeros)[:, group]
    weight = (_f64(p.values) - zeros) * _f64(p.scales)[:, group]
    x = _f64(p.x) if p.order is None else _f64(p.x)[:, p.order.numpy()]
    bias = np.zeros(case.n) if p.bias is None else _f64(p.bias)
    return x @ weight.T + bias, np.abs(x) @ np.abs(weight).T + np.abs(bias)


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_reference_equals_definition(case: cases.Case) -> None:
    p = cases.problem(case, seed=case.m)
    out = w4a16_linear.w4a16_linear(**cases.arguments(case, p))
    expected, size = _expected(case, p)
    assert out.dtype == case.dtype and out.shape == (case.m, case.n)
    allowed = cases.ROUNDING[case.dtype] * np.abs(expected) + cases.SUMMATION * size
    error = np.abs(_f64(out) - expected)
    assert (error <= allowed).all(), f"worst: {np.max(error / allowed):.2f} times the tolerance"


@pytest.mark.parametrize("slice_bytes", [1, 1 << 26], ids=["tiles", "whole"])
@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_dequantise_is_within_tolerance(
    case: cases.Case, slice_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _slices(monkeypatch, slice_bytes)
    _check_dequantise(case)


def _slices(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    numbers = {**tuning.of("cpu"), "slice_bytes": size}
    monkeypatch.setattr(implementations, "numbers_for", lambda x: numbers)


def _check_dequantise(case: cases.Case) -> None:
    p = cases.problem(case, seed=case.m)
    out = w4a16_linear.w4a16_linear(**cases.arguments(case, p), implementation="dequantise")
    expected, _ = _expected(case, p)
    assert out.dtype == case.dtype and out.shape == (case.m, case.n)
    error = np.abs(_f64(out) - expected).max() / np.abs(expected).max()
    assert error <= cases.TOLERANCE[case.dtype]


@pytest.mark.parametrize("size", [1, 2, 4])
def test_dequantise_groups_that_share_a_word(size: int) -> None:
    _check_dequantise(cases.Case(3, 64, 32, size, zeros=True))
    reason = f"groups of {size} inputs share words"
    assert ("w4a16_dequantise", "kernel", reason) in choice.record()


def test_dequantise_never_holds_more_than_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    case = cases.Case(2, 256, 400, 128, torch.float16)
    size = 256 * 48 * 2
    _slices(monkeypatch, size)
    seen = []
    whole = dequantise.dequantise

    def watched(*args: Any) -> torch.Tensor:
        weight = whole(*args)
        seen.append(weight.nbytes)
        return weight

    monkeypatch.setattr(dequantise, "dequantise", watched)
    arguments = cases.arguments(case, cases.problem(case))
    w4a16_linear.w4a16_linear(**arguments, implementation="dequantise")
    assert len(seen) == 9 and max(seen) == size


def test_leading_dimensions_are_kept() -> None:
    case = cases.Case(6, 64, 8, 32)
    arguments = cases.arguments(case, cases.problem(case))
    flat = w4a16_linear.w4a16_linear(**arguments)
    for name in ("reference", "dequantise"):
        stacked = w4a16_linear.w4a16_linear(
            **{**arguments, "x": arguments["x"].view(2, 3, 64)}, implementation=name
        )
        torch.testing.assert_close(stacked, flat.view(2, 3, 8))


def test_outputs_default_to_every_row() -> None:
    case = cases.Case(2, 64, 32, 32)
    arguments = cases.arguments(case, cases.problem(case))
    del arguments["n"]
    assert w4a16_linear.w4a16_linear(**arguments).shape == (2, 32)


@pytest.mark.parametrize("implementation", ["reference", "dequantise"])
def test_fake_implementation_agrees(implementation: str) -> None:
    case = cases.Case(3, 64, 8, 32, torch.bfloat16, zeros=True, ordered=True, bias=True)
    arguments = cases.arguments(case, cases.problem(case))
    p, size = [*arguments.values()], arguments["group_size"]
    torch.library.opcheck(torch.ops.gfx.w4a16_linear, (*p[:6], case.n, size, implementation))


def test_compiles_without_a_graph_break() -> None:
    case = cases.Case(3, 64, 16, 32)
    arguments = cases.arguments(case, cases.problem(case))

    def double(x: torch.Tensor) -> torch.Tensor:
        return w4a16_linear.w4a16_linear(**{**arguments, "x": 2 * x})

    compiled = torch.compile(double, fullgraph=True, backend="eager", dynamic=True)
    assert torch.equal(compiled(arguments["x"]), double(arguments["x"]))


_GOOD = cases.Case(2, 64, 8, 32, zeros=True, ordered=True, bias=True)


def _ones(*size: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> torch.Tensor:
    return torch.ones(size, dtype=dtype, device=device)


def _words(*size: int) -> torch.Tensor:
    return torch.zeros(size, dtype=torch.int32)


BAD = {
    "x dtype": ({"x": _ones(2, 64, dtype=torch.int8)}, "x is int8; give float16 or"),
    "x double": ({"x": _ones(2, 64, dtype=torch.float64)}, "x is float64; give float16 or"),
    "x without inputs": ({"x": _ones(2, 0)}, "x .* positive multiple of 32"),
    "x scalar": ({"x": torch.tensor(1.0)}, "x .* positive multiple of 32"),
    "x ragged": ({"x": _ones(2, 40)}, "x .* positive multiple of 32"),
    "x other k": ({"x": _ones(2, 96)}, r"qweight is \[1, 2, 16, 4\]; give \[n/16, 3, 16, 4\]"),
    "x without rows": ({"x": _ones(0, 64)}, "x is .*without rows"),
    "x strides": ({"x": _ones(64, 2).t()}, "x has strides .*make it contiguous"),
    "x device": ({"x": _ones(2, 64, device="meta")}, "qweight is on cpu, x is on meta"),
    "group size": ({"group_size": 0}, "group_size is 0: 64 inputs are no multiple"),
    "group size divides not": ({"group_size": 48}, "group_size is 48: 64 inputs are no multiple"),
    "group count": ({"group_size": 16}, r"scales is \[1, 2, 16\]; give \[1, 4, 16\]"),
    "qweight dtype": ({"qweight": _ones(1, 2, 16, 4)}, "qweight is float32; give int32"),
    "qweight dims": ({"qweight": _words(8, 8)}, r"give \[n/16, 2, 16, 4\]"),
    "qweight strides": ({"qweight": _words(1, 2, 4, 16).mT}, "qweight has strides"),
    "qweight none": ({"qweight": _words(0, 2, 16, 4)}, "n is 8; qweight has 0 rows"),
    "n too large": ({"n": 17}, "n is 17; qweight has 16 rows, give 1 to 16"),
    "n too small": ({"n": 0}, "n is 0; qweight has 16 rows"),
    "scales dtype": ({"scales": _ones(1, 2, 16, dtype=torch.float16)}, "scales is float16, x is"),
    "scales shape": ({"scales": _ones(8, 2)}, r"scales is \[8, 2\]; give \[1, 2, 16\]"),
    "scales device": ({"scales": _ones(1, 2, 16, device="meta")}, "scales is on meta, x is on cpu"),
    "zeros dtype": ({"zeros": _ones(1, 2, 2)}, "zeros is float32; give int32"),
    "zeros shape": ({"zeros": _words(1, 2, 16)}, r"zeros is .*give \[1, 2, 2\]"),
    "order dtype": ({"order": _ones(64)}, "order is float32; give int32 or int64"),
    "order shape": ({"order": torch.arange(32)}, r"order is \[32\]; give \[64\]"),
    "order twice": ({"order": torch.zeros(64).int()}, "order is no permutation of the 64 inputs"),
    "order outside": ({"order": torch.arange(1, 65)}, "order is no permutation of the 64 inputs"),
    "bias shape": ({"bias": _ones(64)}, r"bias is \[64\]; give \[8\]"),
    "bias dtype": ({"bias": _ones(8, dtype=torch.float16)}, "bias is float16, x is float32"),
    "bias strides": ({"bias": _ones(8, 2)[:, 0]}, "bias has strides"),
    "unknown": ({"implementation": "magic"}, "no implementation 'magic'; it has: reference, gemv"),
}  # fmt: skip


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_bad_arguments_say_what_to_do(change: dict[str, Any], message: str) -> None:
    arguments = cases.arguments(_GOOD, cases.problem(_GOOD))
    with pytest.raises(ValueError, match=message):
        w4a16_linear.w4a16_linear(**{**arguments, **change})


def test_good_arguments_pass() -> None:
    arguments = cases.arguments(_GOOD, cases.problem(_GOOD))
    assert w4a16_linear.w4a16_linear(**arguments).shape == (2, 8)
