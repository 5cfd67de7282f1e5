"""reshape_and_cache_flash against its definition, traced, and its error messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gfx_kernels import casework, reshape_and_cache_flash
from gfx_kernels.reshape_and_cache_flash import cases

from tests.support import writing_op

OP = "reshape_and_cache_flash"


def _finite(kind: torch.dtype) -> writing_op.Array:
    every = torch.arange(256, dtype=torch.uint8).view(kind).double().numpy()
    return np.unique(every[np.isfinite(every)])


def _to_fp8(x: float, kind: torch.dtype) -> float:
    """The nearest 8-bit value by search; of two, the one whose pattern is even."""
    if np.isnan(x):
        return x
    values = _finite(kind)
    near = values[np.abs(values - x) == np.min(np.abs(values - x))]
    if np.isinf(x) or len(near) == 1:
        return float(near[0]) if np.isfinite(x) else float(np.copysign(values[-1], x))
    patterns = torch.tensor(near).to(kind).view(torch.uint8) & 1
    return float(near[patterns.argmin()])


def _expected(case: cases.Case, a: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Number by number, in Python."""
    found = {name: a[name].float().clone() for name in cases.WRITES}
    blocks, block_size = a["key_cache"].shape[:2]
    for token, slot in enumerate(a["slot_mapping"].tolist()):
        if not 0 <= slot < blocks * block_size:
            continue
        for new, cache, scale in (
            ("key", "key_cache", "k_scale"),
            ("value", "value_cache", "v_scale"),
        ):
            row = a[new][token].float()
            if case.cache:
                divided = (row / a[scale].view(-1, 1)).flatten().tolist()
                stored = [_to_fp8(x, case.cache) for x in divided]
                row = torch.tensor(stored).view(row.shape)
            found[cache][slot // block_size, slot % block_size] = row
    return found


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_result(case: cases.Case) -> None:
    writing_op.check_result(OP, case)


@pytest.mark.parametrize("case", writing_op.small(OP), ids=lambda c: c.name)
def test_equals_definition(case: cases.Case) -> None:
    before = cases.problem(case)
    after = casework.copied(before)
    writing_op.call(OP, after)
    for name, wanted in _expected(case, before).items():
        assert torch.equal(after[name].float().nan_to_num(1e9), wanted.nan_to_num(1e9)), name


@pytest.mark.parametrize(
    "case",
    [
        cases.CASES[0],
        cases.Case(5, 2, 16, torch.bfloat16, layout="heads"),
    ],
    ids=lambda c: c.name,
)
def test_traceable(case: cases.Case) -> None:
    writing_op.check_traceable(OP, case)


def test_compiles_with_8_bit_caches() -> None:
    """torch's own checks do arithmetic on all arguments, and torch has none for 8-bit floats."""
    case = cases.Case(5, 2, 16, torch.float32, torch.float8_e4m3fn, layout="heads")
    writing_op.check_compiles(OP, case)


def _good() -> dict[str, Any]:
    return cases.problem(cases.Case(4, 2, 8, torch.float32))


def _fp8() -> dict[str, Any]:
    return cases.problem(cases.Case(4, 2, 8, torch.float32, torch.float8_e4m3fn))


KEY, CACHE = torch.zeros(6, 2, 8), torch.zeros(3, 16, 2, 8)
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "key dtype": ({"key": KEY.int()}, "key is int32; give float16 or bfloat16 or float32"),
    "key dims": ({"key": torch.zeros(6, 16)}, r"key is \[6, 16\]; give it 3 dimensions"),
    "key empty": ({"key": KEY[:0]}, "key is .* it must not be empty"),
    "key stride": ({"key": torch.zeros(6, 8, 2).mT}, "key has strides .* must have stride 1"),
    "value shape": ({"value": KEY[:5]}, r"value is \[5, 2, 8\]; give \[6, 2, 8\]"),
    "value dtype": ({"value": KEY.half()}, "value is float16, key is float32"),
    "slots dtype": ({"slot_mapping": torch.zeros(4).int()}, "slot_mapping is int32; give int64"),
    "slots dims": ({"slot_mapping": torch.zeros(2, 2).long()}, "give it 1 dimension"),
    "slots none": ({"slot_mapping": torch.zeros(0).long()}, "the length of slot_mapping is 0"),
    "slots many": ({"slot_mapping": torch.zeros(7).long()}, "slot_mapping is 7; give 1 to 6"),
    "slots stride": ({"slot_mapping": torch.zeros(8).long()[::2]}, "slot_mapping has strides"),
    "cache uint8": ({"key_cache": CACHE.byte()}, "key_cache is uint8; view it as float8_e4m3fn"),
    "cache dtype": ({"key_cache": CACHE.half()}, "key_cache is float16; give float32 or float8_"),
    "cache shape": (
        {"key_cache": torch.zeros(3, 16, 2, 9)},
        r"key_cache is \[3, 16, 2, 9\]; give \[blocks, block_size, 2, 8\]",
    ),
    "cache stride": (
        {"key_cache": torch.zeros(3, 16, 8, 2).mT, "value_cache": CACHE},
        "key_cache has strides",
    ),
    "cache shared": (
        {"key_cache": CACHE[:1].expand(3, 16, 2, 8), "value_cache": CACHE},
        "key_cache is written",
    ),
    "caches differ": ({"value_cache": torch.zeros(2, 16, 2, 9)[..., :8]}, "must be laid out alike"),
    "caches shape": ({"value_cache": CACHE}, r"value_cache is \[3, 16, 2, 8\]; give \[2, 16"),
    "name": ({"kv_cache_dtype": "fp8"}, "kv_cache_dtype is 'fp8'; give one of 'auto', 'float32'"),
    "device": ({"value_cache": CACHE[:2].to("meta")}, "value_cache is on meta, key is on cpu"),
}
_HALF = torch.ones(1).half()
BAD_FP8: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"kv_cache_dtype": "auto"}, "kv_cache_dtype is 'auto'; give one of 'fp8', 'fp8_e4m3'"),
    "e5m2": ({"kv_cache_dtype": "fp8_e5m2"}, "kv_cache_dtype is 'fp8_e5m2'"),
    "scale dtype": ({"k_scale": _HALF}, "k_scale is float16; give float32"),
    "scale size": ({"v_scale": torch.ones(3)}, r"the size of v_scale is 3; give one of 1, 2"),
    "scale shapes": ({"v_scale": torch.ones(2)}, r"v_scale is \[2\]; give \[1\]"),
    "scale zero": ({"k_scale": torch.zeros(1)}, r"k_scale is \[0.0\]; give positive, finite"),
    "scale nan": ({"v_scale": torch.tensor([float("nan")])}, r"v_scale is \[nan\]; give positive"),
    "scale device": ({"k_scale": torch.ones(1, device="meta")}, "k_scale is on meta"),
}


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_bad_arguments_say_what_to_do(change: dict[str, Any], message: str) -> None:
    reshape_and_cache_flash.check(**_good())
    with pytest.raises(ValueError, match=message):
        reshape_and_cache_flash.check(**{**_good(), **change})


@pytest.mark.parametrize("change, message", BAD_FP8.values(), ids=BAD_FP8)
def test_bad_arguments_of_8_bit_caches(change: dict[str, Any], message: str) -> None:
    reshape_and_cache_flash.check(**_fp8())
    with pytest.raises(ValueError, match=message):
        reshape_and_cache_flash.check(**{**_fp8(), **change})


def test_the_op_checks() -> None:
    with pytest.raises(ValueError, match="the length of slot_mapping is 0"):
        no_slots = {**_good(), "slot_mapping": torch.zeros(0).long()}
        reshape_and_cache_flash.reshape_and_cache_flash(**no_slots)
