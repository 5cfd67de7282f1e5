"""rms_norm against its definition, traced, and its error messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gfx_kernels import rms_norm, rows
from gfx_kernels.rms_norm import cases

from tests.support import writing_op

OP = "rms_norm"


def _definition(a: dict[str, Any]) -> dict[str, writing_op.Array]:
    out = np.empty(a["input"].shape)
    for at in np.ndindex(out.shape[:-1]):
        x = a["input"][at]
        out[at] = x / np.sqrt(np.sum(x * x) / len(x) + a["epsilon"])
    for part, each in enumerate(out):
        if a["weight"] is not None:
            each *= a["weight"][part] if a["weight"].ndim == 2 else a["weight"]
    return {"out": out}


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_result(case: cases.Case) -> None:
    writing_op.check_result(OP, case)


@pytest.mark.parametrize("case", writing_op.small(OP), ids=lambda c: c.name)
def test_reference_is_the_definition(case: cases.Case) -> None:
    writing_op.check_definition(OP, case, _definition)


@pytest.mark.parametrize("case", [cases.CASES[0], cases.Case(2, 64, heads=3, gap=64)])
def test_traceable(case: cases.Case) -> None:
    writing_op.check_traceable(OP, case)


def test_returns_what_it_is_given_to_write() -> None:
    x = torch.randn(2, 3, 8)
    out = torch.empty(2, 3, 8)
    assert rms_norm.rms_norm(x, torch.ones(8), out=out) is out
    assert torch.equal(rms_norm.rms_norm(x), out) and rms_norm.rms_norm(x).shape == x.shape


@pytest.mark.parametrize("dtype", rows.DTYPES)
def test_in_place(dtype: torch.dtype) -> None:
    x = torch.randn(4, 40, generator=torch.Generator().manual_seed(0)).to(dtype)
    wanted = rms_norm.rms_norm(x)
    assert torch.equal(rms_norm.rms_norm(x, out=x), wanted)


X = torch.zeros(4, 6, 8)
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "input dtype": ({"input": X.int()}, "input is int32; give float16 or bfloat16 or float32"),
    "input scalar": ({"input": torch.tensor(1.0)}, "input has no dimensions"),
    "input empty": ({"input": X[:0]}, r"input is \[0, 6, 8\]; it must not be empty"),
    "input hidden": ({"input": X[..., :0]}, "it must not be empty"),
    "input stride": ({"input": X.mT.contiguous().mT}, "last dimension must have stride 1"),
    "input rows": (
        {"input": torch.zeros(3, 5, 7, 8)[:2, :4, :6], "out": torch.zeros(2, 4, 6, 8)},
        "input .* its rows may lie at 2 different distances",
    ),
    "out shape": ({"out": torch.zeros(4, 8)}, r"out is \[4, 8\]; give \[4, 6, 8\]"),
    "out dtype": ({"out": X.half()}, "out is float16, input is float32; cast one"),
    "out stride": ({"out": torch.zeros(4, 6, 9)[..., :8]}, "out has strides .*contiguous"),
    "weight shape": ({"weight": torch.ones(6)}, r"weight is \[6\]; give \[8\]"),
    "weight parts": ({"weight": torch.ones(6, 8)}, r"weight is \[6, 8\]; give \[4, 8\]"),
    "weight dtype": ({"weight": torch.ones(8).half()}, "weight is float16, input is float32"),
    "weight stride": ({"weight": torch.ones(16)[::2]}, "weight has strides"),
    "device": ({"weight": torch.ones(8, device="meta")}, "weight is on meta, input is on cpu"),
    "epsilon": ({"epsilon": -1e-6}, "epsilon is -1e-06; give a finite number of at least 0"),
    "epsilon nan": ({"epsilon": float("nan")}, "epsilon is nan"),
}


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_bad_arguments_say_what_to_do(change: dict[str, Any], message: str) -> None:
    good = {"out": torch.empty_like(X), "input": X, "weight": torch.ones(8), "epsilon": 1e-6}
    with pytest.raises(ValueError, match=message):
        rms_norm.check(**{**good, **change})
    if "device" not in change:
        rms_norm.check(**good)


def test_the_op_checks() -> None:
    with pytest.raises(ValueError, match="it must not be empty"):
        torch.ops.gfx.rms_norm(X[:0], X[:0], None, 1e-6)
