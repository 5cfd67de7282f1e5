"""fused_add_rms_norm against its definition, traced, and its error messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gfx_kernels import fused_add_rms_norm
from gfx_kernels.fused_add_rms_norm import cases

from tests.support import writing_op

OP = "fused_add_rms_norm"


def _definition(a: dict[str, Any]) -> dict[str, writing_op.Array]:
    total = a["input"] + a["residual"]
    out = np.empty(total.shape)
    for at, x in enumerate(total):
        out[at] = x / np.sqrt(np.sum(x * x) / len(x) + a["epsilon"])
    return {"input": out if a["weight"] is None else out * a["weight"], "residual": total}


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_result(case: cases.Case) -> None:
    writing_op.check_result(OP, case)


@pytest.mark.parametrize("case", writing_op.small(OP), ids=lambda c: c.name)
def test_reference_is_the_definition(case: cases.Case) -> None:
    writing_op.check_definition(OP, case, _definition)


@pytest.mark.parametrize("case", [cases.CASES[0], cases.Case(2, 64, gap=8, weight=False)])
def test_traceable(case: cases.Case) -> None:
    writing_op.check_traceable(OP, case)


def test_the_norm_is_of_the_sum_before_it_is_rounded() -> None:
    x = torch.tensor([[2048.0, 1.0]]).half()
    residual = torch.tensor([[1.0, 0.0]]).half()  # 2049 is no float16
    fused_add_rms_norm.fused_add_rms_norm(x, residual, None, 0.0)
    assert residual.tolist() == [[2048.0, 1.0]]
    exact = torch.tensor([[2049.0, 1.0]]).double() / ((2049.0**2 + 1.0) / 2) ** 0.5
    assert torch.equal(x, exact.half())


X = torch.zeros(6, 8)
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "input dtype": ({"input": X.double()}, "input is float64; give float16 or bfloat16 or float32"),
    "input scalar": ({"input": torch.tensor(1.0)}, "input has no dimensions"),
    "input empty": ({"input": X[:0]}, "it must not be empty"),
    "input stride": ({"input": X.mT.contiguous().mT}, "last dimension must have stride 1"),
    "input shared": ({"input": X[:1].expand(6, 8)}, "input is written .* must not share memory"),
    "rows": (
        {"input": torch.zeros(3, 4, 8)[:, :2], "residual": torch.zeros(3, 2, 8)},
        "input .* its rows may lie at 1 different distance,",
    ),
    "residual shape": ({"residual": X[:5]}, r"residual is \[5, 8\]; give \[6, 8\]"),
    "residual dtype": ({"residual": X.half()}, "residual is float16, input is float32"),
    "residual shared": ({"residual": X[:1].expand(6, 8)}, "residual is written"),
    "residual stride": ({"residual": X.mT.contiguous().mT}, "residual has strides"),
    "weight shape": ({"weight": torch.ones(6)}, r"weight is \[6\]; give \[8\]"),
    "device": ({"residual": X.to("meta")}, "residual is on meta, input is on cpu"),
    "epsilon": ({"epsilon": float("inf")}, "epsilon is inf"),
}


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_bad_arguments_say_what_to_do(change: dict[str, Any], message: str) -> None:
    good = {"input": X, "residual": X.clone(), "weight": torch.ones(8), "epsilon": 1e-6}
    fused_add_rms_norm.check(**good)
    with pytest.raises(ValueError, match=message):
        fused_add_rms_norm.check(**{**good, **change})


def test_the_op_checks() -> None:
    with pytest.raises(ValueError, match="it must not be empty"):
        fused_add_rms_norm.fused_add_rms_norm(X[:0], X[:0])
