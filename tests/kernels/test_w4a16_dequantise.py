"""w4a16_dequantise against its definition, traced, and its error messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gfx_kernels import w4a16_dequantise
from gfx_kernels.w4 import layout
from gfx_kernels.w4a16_dequantise import cases

from tests.support import writing_op

OP = "w4a16_dequantise"
PLACES = (0, 2, 4, 6, 1, 3, 5, 7)  # of the inputs in a word, by nibble


def _nibble(word: int, place: int) -> int:
    return int(word) >> (4 * place) & 15


def _definition(a: dict[str, Any]) -> dict[str, writing_op.Array]:
    """Number by number, in Python."""
    out = np.zeros(a["out"].shape)
    tiles, chunks = a["qweight"].shape[:2]
    size = out.shape[1] // a["scales"].shape[1]
    for tile, chunk, row, word, place in np.ndindex(tiles, chunks, 16, 4, 8):
        column = chunk * 32 + word * 8 + PLACES[place]
        group = column // size
        zero = 8
        if a["zeros"] is not None:
            zero = _nibble(a["zeros"][tile, group, row // 8], row % 8)
        value = _nibble(a["qweight"][tile, chunk, row, word], place) - zero
        out[tile * 16 + row, column] = value * a["scales"][tile, group, row]
    return {"out": out}


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_result(case: cases.Case) -> None:
    writing_op.check_result(OP, case)


@pytest.mark.parametrize("case", writing_op.small(OP), ids=lambda c: c.name)
def test_reference_is_the_definition(case: cases.Case) -> None:
    writing_op.check_definition(OP, case, _definition)


@pytest.mark.parametrize("case", [cases.CASES[0], cases.Case(16, 64, 32, zeros=True)])
def test_traceable(case: cases.Case) -> None:
    writing_op.check_traceable(OP, case)


def test_what_is_packed_comes_back() -> None:
    values = torch.randint(0, 16, (32, 96), dtype=torch.uint8)
    zeros = torch.randint(0, 16, (32, 3), dtype=torch.uint8)
    packed = layout.pack(values, torch.ones(32, 3), zeros)
    found = w4a16_dequantise.w4a16_dequantise(**vars(packed))
    assert torch.equal(found, values.float() - zeros.float().repeat_interleave(32, dim=1))


def _good() -> dict[str, Any]:
    return cases.problem(cases.Case(32, 64, 32, torch.float32, zeros=True))


WORDS = torch.zeros(2, 2, 16, 4, dtype=torch.int32)
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "qweight dtype": ({"qweight": WORDS.float()}, "qweight is float32; give int32"),
    "qweight dims": ({"qweight": WORDS[0]}, r"qweight is .*give \[n/16, k/32, 16, 4\]"),
    "qweight none": ({"qweight": WORDS[:0]}, "qweight is .* it must not be empty"),
    "qweight strides": ({"qweight": WORDS.transpose(0, 1)}, "qweight has strides"),
    "scales dtype": ({"scales": torch.ones(2, 2, 16).int()}, "scales is int32; give float16 or"),
    "scales shape": ({"scales": torch.ones(2, 16)}, r"scales is .*give \[2, groups, 16\]"),
    "scales none": ({"scales": torch.ones(2, 0, 16)}, "scales is .* it must not be empty"),
    "groups": (
        {"scales": torch.ones(2, 16, 16), "zeros": None},
        "divides 64 inputs into multiples",
    ),
    "groups ragged": ({"scales": torch.ones(2, 3, 16), "zeros": None}, "scales has 3 groups"),
    "zeros dtype": ({"zeros": torch.ones(2, 2, 2)}, "zeros is float32; give int32"),
    "zeros shape": ({"zeros": WORDS[:1, 0, :2, :2]}, r"zeros is .*give \[2, 2, 2\]"),
    "out dtype": ({"out": torch.ones(32, 64).half()}, "out is float16, scales is float32; cast"),
    "out shape": ({"out": torch.ones(64, 32)}, r"out is \[64, 32\]; give \[32, 64\]"),
    "out strides": ({"out": torch.ones(64, 32).t()}, "out has strides"),
    "device": ({"out": torch.ones(32, 64, device="meta")}, "out is on meta, qweight is on cpu"),
}


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_bad_arguments_say_what_to_do(change: dict[str, Any], message: str) -> None:
    w4a16_dequantise.check(**_good())
    with pytest.raises(ValueError, match=message):
        w4a16_dequantise.check(**{**_good(), **change})


def test_the_op_checks() -> None:
    with pytest.raises(ValueError, match="scales has 3 groups"):
        writing_op.call(OP, {**_good(), **BAD["groups ragged"][0]})
