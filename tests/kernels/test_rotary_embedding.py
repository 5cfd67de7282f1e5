"""rotary_embedding against its definition, traced, and its error messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gfx_kernels import rotary_embedding
from gfx_kernels.rotary_embedding import cases

from tests.support import writing_op

OP = "rotary_embedding"


def _definition(a: dict[str, Any]) -> dict[str, writing_op.Array]:
    """Pair by pair, as complex numbers."""
    table, positions = a["cos_sin_cache"], a["positions"].reshape(-1)
    half, found = table.shape[1] // 2, {}
    for name in [n for n in cases.WRITES if a[n] is not None]:
        heads = a[name].reshape(len(positions), -1, a["head_size"]).copy()
        for token, position in enumerate(positions):
            for i in range(half):
                first, second = (i, half + i) if a["is_neox"] else (2 * i, 2 * i + 1)
                x, y = (heads[token, :, a["rope_dim_offset"] + at] for at in (first, second))
                known = 0 <= position < len(table)
                c, s = (table[position, [i, half + i]]) if known else (np.nan, np.nan)
                turned = (x + 1j * y) * (c + (-1j if a["inverse"] else 1j) * s)
                heads[token, :, a["rope_dim_offset"] + first] = turned.real
                heads[token, :, a["rope_dim_offset"] + second] = turned.imag
        found[name] = heads.reshape(a[name].shape)
    return found


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_result(case: cases.Case) -> None:
    writing_op.check_result(OP, case)


@pytest.mark.parametrize("case", writing_op.small(OP), ids=lambda c: c.name)
def test_reference_is_the_definition(case: cases.Case) -> None:
    writing_op.check_definition(OP, case, _definition)


@pytest.mark.parametrize(
    "case",
    [
        cases.CASES[0],
        cases.Case(2, 2, 0, 16, 16, torch.bfloat16, neox=False),
        cases.Case(3, 4, 2, 64, 32, merged=True, split=True),
    ],
    ids=lambda c: c.name,
)
def test_traceable(case: cases.Case) -> None:
    writing_op.check_traceable(OP, case)


def test_inverse_turns_back() -> None:
    arguments = cases.problem(cases.Case(3, 2, 1, 64, 32, torch.float32))
    before = arguments["query"].clone()
    torch.ops.gfx.rotary_embedding(**arguments)
    assert not torch.allclose(arguments["query"], before)
    rotary_embedding.rotary_embedding(**{**arguments, "inverse": True})
    torch.testing.assert_close(arguments["query"], before, rtol=0, atol=1e-5)


def _good() -> dict[str, Any]:
    return cases.problem(cases.Case(4, 3, 1, 16, 8, torch.float32))


Q = torch.zeros(4, 48)
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "positions dtype": ({"positions": torch.zeros(4).int()}, "positions is int32; give int64"),
    "positions dims": ({"positions": torch.zeros(4, 1, 1).long()}, "dimensions of positions is 3"),
    "positions none": (
        {"positions": torch.zeros(0).long(), "query": Q[:0], "key": None},
        "the number of positions is 0; give 1 to",
    ),
    "positions stride": ({"positions": torch.zeros(8).long()[::2]}, "positions has strides"),
    "positions count": (
        {"positions": torch.zeros(5).long()},
        r"query is \[4, 48\]; positions \[5\] need \[5\] followed by heads \* 16",
    ),
    "query dtype": ({"query": Q.int()}, "query is int32; give float16"),
    "query width": ({"query": torch.zeros(4, 47)}, r"query is \[4, 47\]"),
    "query head": ({"query": torch.zeros(4, 3, 8)}, "query has heads of 8, head_size is 16"),
    "query stride": ({"query": torch.zeros(48, 4).T}, "query has strides .* must have stride 1"),
    "query shared": ({"query": Q[:1].expand(4, 48)}, "query is written .* must not share memory"),
    "query empty": ({"query": Q[:, :0]}, "query is .* must not be empty"),
    "key dtype": ({"key": torch.zeros(4, 16).half()}, "key is float16, query is float32"),
    "key count": ({"key": torch.zeros(3, 16)}, r"key is \[3, 16\]; positions \[4\] need"),
    "head_size": ({"head_size": 0}, "head_size is 0; give 1"),
    "table dtype": (
        {"cos_sin_cache": torch.zeros(9, 8).half()},
        "cos_sin_cache is float16; give float32",
    ),
    "table dims": ({"cos_sin_cache": torch.zeros(8)}, "give it 2 dimensions"),
    "table odd": ({"cos_sin_cache": torch.zeros(9, 7)}, "the width of cos_sin_cache is 7"),
    "table wide": (
        {"cos_sin_cache": torch.zeros(9, 18)},
        "rope_dim_offset plus the width of cos_sin_cache is 18; give 2 to 16",
    ),
    "table empty": ({"cos_sin_cache": torch.zeros(0, 8)}, "it must not be empty"),
    "table stride": ({"cos_sin_cache": torch.zeros(9, 9)[:, :8]}, "cos_sin_cache has strides"),
    "offset": ({"rope_dim_offset": 9}, "plus the width of cos_sin_cache is 17"),
    "offset sign": ({"rope_dim_offset": -1}, "rope_dim_offset is -1; give 0 to 15"),
    "device": ({"key": torch.zeros(4, 16, device="meta")}, "key is on meta, query is on cpu"),
}


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_bad_arguments_say_what_to_do(change: dict[str, Any], message: str) -> None:
    rotary_embedding.check(**_good())
    with pytest.raises(ValueError, match=message):
        rotary_embedding.check(**{**_good(), **change})


def test_the_op_checks() -> None:
    with pytest.raises(ValueError, match="query has heads of 8"):
        torch.ops.gfx.rotary_embedding(**{**_good(), "query": torch.zeros(4, 3, 8)})
