"""apply_repetition_penalties against its definition, traced, and its error messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gfx_kernels import apply_repetition_penalties
from gfx_kernels.apply_repetition_penalties import cases

from tests.support import writing_op

OP = "apply_repetition_penalties"


def _definition(a: dict[str, Any]) -> dict[str, writing_op.Array]:
    out = a["logits"].copy()
    for request, token in np.ndindex(out.shape):
        if a["prompt_mask"][request, token] or a["output_mask"][request, token]:
            penalty = a["repetition_penalties"][request]
            x = out[request, token]
            out[request, token] = x / penalty if x > 0 else x * penalty
    return {"logits": out}


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_result(case: cases.Case) -> None:
    writing_op.check_result(OP, case)


@pytest.mark.parametrize("case", writing_op.small(OP), ids=lambda c: c.name)
def test_reference_is_the_definition(case: cases.Case) -> None:
    writing_op.check_definition(OP, case, _definition)


@pytest.mark.parametrize("case", [cases.CASES[0], cases.Case(2, 64, gap=4)], ids=lambda c: c.name)
def test_traceable(case: cases.Case) -> None:
    writing_op.check_traceable(OP, case)


X, SEEN = torch.zeros(3, 8), torch.zeros(3, 8, dtype=torch.bool)
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "logits dtype": ({"logits": X.int()}, "logits is int32; give float16 or bfloat16 or float32"),
    "logits dims": ({"logits": X[0]}, r"logits is \[8\]; give it 2 dimensions"),
    "logits empty": ({"logits": X[:0]}, "logits is .* it must not be empty"),
    "logits stride": ({"logits": X.T.contiguous().T}, "last dimension must have stride 1"),
    "logits shared": ({"logits": X[:1].expand(3, 8)}, "logits is written"),
    "logits long": (
        {"logits": torch.zeros(1).expand(1, 2**24)},
        "the tokens of logits is 16777216",
    ),
    "mask dtype": ({"prompt_mask": SEEN.byte()}, "prompt_mask is uint8; give bool"),
    "mask shape": ({"output_mask": SEEN[:2]}, r"output_mask is \[2, 8\]; give \[3, 8\]"),
    "mask stride": ({"output_mask": SEEN.T.contiguous().T}, "output_mask has strides"),
    "penalties dtype": (
        {"repetition_penalties": torch.ones(3).half()},
        "repetition_penalties is float16, logits is float32; cast one",
    ),
    "penalties shape": ({"repetition_penalties": torch.ones(8)}, r"is \[8\]; give \[3\]"),
    "penalties stride": ({"repetition_penalties": torch.ones(6)[::2]}, "make it contiguous"),
    "device": ({"prompt_mask": SEEN.to("meta")}, "prompt_mask is on meta, logits is on cpu"),
}


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_bad_arguments_say_what_to_do(change: dict[str, Any], message: str) -> None:
    good = {
        "logits": X,
        "prompt_mask": SEEN,
        "output_mask": SEEN,
        "repetition_penalties": torch.ones(3),
    }
    apply_repetition_penalties.check(**good)
    with pytest.raises(ValueError, match=message):
        apply_repetition_penalties.check(**{**good, **change})


def test_the_op_checks() -> None:
    with pytest.raises(ValueError, match=r"logits is .* it must not be empty"):
        none = X[:0]
        apply_repetition_penalties.apply_repetition_penalties(none, SEEN[:0], SEEN[:0], X[0, :0])
