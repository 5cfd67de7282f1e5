"""w4a16_linear against its definition in float64 NumPy, its layout, and its error messages."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from gfx_kernels import targets, w4a16_linear
from gfx_kernels.w4a16_linear import cases, layout
from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float64]"


def _f64(tensor: torch.Tensor) -> Array:
    return tensor.double().numpy()


def _expected(case: cases.Case, p: cases.Problem) -> tuple[Array, Array]:
    """The result and the sum of absolute products, element by element from the definition."""
    size = case.k if case.group_size == -1 else case.group_size
    group = np.arange(case.k) // size
    zeros = 8.0 if p.zeros is None else _f64(p.zeros)[:, group]
    weight = (_f64(p.values) - zeros) * _f64(p.scales)[:, group]
    x = _f64(p.x) if p.order is None else _f64(p.x)[:, p.order.numpy()]
    bias = np.zeros(case.n) if p.bias is None else _f64(p.bias)
    return x @ weight.T + bias, np.abs(x) @ np.abs(weight).T + np.abs(bias)


def _run(case: cases.Case, p: cases.Problem) -> torch.Tensor:
    packed = layout.pack(p.values)
    return w4a16_linear.w4a16_linear(
        p.x, packed, p.scales, p.zeros, p.order, p.bias, case.group_size
    )


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_equals_definition(case: cases.Case) -> None:
    p = cases.problem(case, seed=case.m)
    out = _run(case, p)
    expected, size = _expected(case, p)
    assert out.dtype == case.dtype and out.shape == (case.m, case.n)
    allowed = cases.ROUNDING[case.dtype] * np.abs(expected) + cases.SUMMATION * size
    error = np.abs(_f64(out) - expected)
    assert (error <= allowed).all(), f"worst: {np.max(error / allowed):.2f} times the tolerance"


@pytest.mark.parametrize("k", [1, 7, 8, 9, 64, 855])
def test_packing_is_lossless_and_as_documented(k: int) -> None:
    values = torch.randint(0, 16, (3, k), dtype=torch.uint8)
    packed = layout.pack(values)
    assert torch.equal(layout.unpack(packed, k), values)
    words = packed.numpy().view(np.uint32)
    for i in range(k):
        assert ((words[:, i // 8] >> (4 * (i % 8))) & 15 == values[:, i].numpy()).all()
    assert k % 8 == 0 or (words[:, -1] >> (4 * (k % 8)) == 0).all()


def test_leading_dimensions_are_kept() -> None:
    case = cases.Case(6, 64, 8, 32)
    p = cases.problem(case)
    flat = _run(case, p)
    stacked = w4a16_linear.w4a16_linear(
        p.x.view(2, 3, 64), layout.pack(p.values), p.scales, group_size=32
    )
    assert torch.equal(stacked, flat.view(2, 3, 8))


def test_fake_implementation_agrees() -> None:
    case = cases.Case(3, 64, 8, 32, torch.bfloat16, zeros=True, ordered=True, bias=True)
    p = cases.problem(case)
    args = (p.x, layout.pack(p.values), p.scales, p.zeros, p.order, p.bias, 32)
    torch.library.opcheck(torch.ops.gfx.w4a16_linear, args)


def test_only_the_reference_target_is_implemented() -> None:
    """Until a kernel is compiled for a target, nobody may be told that there is one."""
    assert set(w4a16_linear.IMPLEMENTATIONS) <= set(targets.all_targets())
    assert w4a16_linear.IMPLEMENTATIONS == {targets.REFERENCE: "torch reference"}


def _good() -> dict[str, Any]:
    p = cases.problem(cases.Case(2, 64, 8, 32, zeros=True, ordered=True, bias=True))
    packed = layout.pack(p.values)
    return {
        "x": p.x,
        "qweight": packed,
        "scales": p.scales,
        "zeros": p.zeros,
        "order": p.order,
        "bias": p.bias,
        "group_size": 32,
    }


BAD = {
    "x dtype": ({"x": torch.ones(2, 64, dtype=torch.int8)}, "x is torch.int8; cast it"),
    "x empty": ({"x": torch.ones(2, 0)}, "no inputs"),
    "x scalar": ({"x": torch.tensor(1.0)}, "no inputs"),
    "group size": ({"group_size": 0}, "group_size is 0; give -1"),
    "group count": ({"group_size": 16}, r"64 inputs in groups of 16 need .* \(8, 4\)"),
    "qweight dtype": ({"qweight": torch.zeros(8, 8)}, r"give int32 \[n, 8\]"),
    "qweight width": ({"qweight": torch.zeros(8, 9, dtype=torch.int32)}, r"give int32 \[n, 8\]"),
    "scales": ({"scales": torch.ones(2, 8)}, r"need floating point \(8, 2\)"),
    "scales dtype": ({"scales": torch.ones(8, 2, dtype=torch.int32)}, "need floating point"),
    "zeros dtype": ({"zeros": torch.ones(8, 2)}, "give uint8"),
    "zeros packed": ({"zeros": torch.ones(1, 2, dtype=torch.uint8)}, "one unpacked value"),
    "order": ({"order": torch.arange(32)}, r"give a permutation, int32 \[64\]"),
    "bias": ({"bias": torch.ones(64)}, r"8 outputs, give \[8\]"),
    "device": ({"scales": torch.ones(8, 2, device="meta")}, "scales is on meta, x is on cpu"),
}


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_bad_arguments_say_what_to_do(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        w4a16_linear.w4a16_linear(**{**_good(), **change})


def test_good_arguments_pass() -> None:
    assert w4a16_linear.w4a16_linear(**_good()).shape == (2, 8)
