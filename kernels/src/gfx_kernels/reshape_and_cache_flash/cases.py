"""Shapes and dtypes of reshape_and_cache_flash: one table for tests, emulator and benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gfx_kernels import casework, shapes
from gfx_kernels.reshape_and_cache_flash import reference

ACCUMULATOR = None  # nothing is added up
WRITES = ("key_cache", "value_cache")
# Every bit is the reference's: a copy, or one division and one rounding.
TOLERANCE = 0
_PADDING = 2  # tokens past the end of the slots


@dataclass(frozen=True)
class Case:
    """`cache`: what is stored, the dtype of the keys unless given.

    `layout`: "slots" `[blocks, block_size, heads, size]`, "heads" `[blocks, heads, block_size,
    2 * size]` with keys and values side by side, as vLLM's Triton backend has it.
    """

    tokens: int
    heads: int
    size: int
    dtype: torch.dtype = torch.float16
    cache: torch.dtype | None = None
    block_size: int = 16
    layout: str = "slots"
    head_scales: bool = False
    merged: bool = False  # keys and values are parts of longer rows
    offset: int = 0
    special: bool = False  # infinities, NaN and every 8-bit value among the keys
    emulate: bool = False

    @property
    def name(self) -> str:
        marks = [m for m in ("head_scales", "merged", "special") if getattr(self, m)]
        marks += [f"offset{self.offset}"] if self.offset else []
        kinds = [_short(self.dtype), *([_short(self.cache)] if self.cache else [])]
        size = f"{self.tokens}x{self.heads}x{self.size}b{self.block_size}"
        return "-".join([size, *kinds, self.layout, *marks])


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def problem(case: Case, seed: int = 0) -> casework.Arguments:
    """Random arguments for `case`, the same for the same seed; some slots are none at all."""
    rng = torch.Generator().manual_seed(seed)
    row = case.heads * case.size
    rows = case.tokens + _PADDING
    if case.merged:
        both = casework.normal(rng, case.dtype, rows, 3 * row)
        key, value = both[:, row : 2 * row], both[:, 2 * row :]
    else:
        key, value = (
            casework.normal(rng, case.dtype, rows, case.offset + row)[:, case.offset :]
            for _ in range(2)
        )
    if case.special:
        _spread(key, case.cache or case.dtype)
    blocks = case.tokens // case.block_size + 2
    slots = torch.randperm(blocks * case.block_size, generator=rng)[: case.tokens]
    slots[1::5] = -1
    slots[2::7] = blocks * case.block_size  # past the end
    caches = _caches(case, blocks)
    scales = torch.rand(2, case.heads if case.head_scales else 1, generator=rng) + 0.01
    return {
        "key": key.unflatten(1, (case.heads, case.size)),
        "value": value.unflatten(1, (case.heads, case.size)),
        "key_cache": caches[0],
        "value_cache": caches[1],
        "slot_mapping": slots,
        "kv_cache_dtype": "fp8" if case.cache else "auto",
        "k_scale": torch.ones_like(scales[0]) if case.special else scales[0],
        "v_scale": scales[1],
    }


def _spread(key: torch.Tensor, kind: torch.dtype) -> None:
    """Every 8-bit value, the midpoints between them, too large ones, infinities and NaN."""
    every = torch.arange(256, dtype=torch.uint8).view(kind).float()
    finite = every[every.isfinite()].unique()
    middle = (finite[1:] + finite[:-1]) / 2
    odd = torch.tensor([float("inf"), float("-inf"), float("nan"), -0.0, 1e4, -1e4, 1e-7, -1e-7])
    values = torch.cat((odd, middle, middle * (1 + 2**-9), finite)).to(key.dtype)
    count = min(key.numel(), len(values))
    key.view(-1)[:count] = values[:count]


def _caches(case: Case, blocks: int) -> tuple[torch.Tensor, torch.Tensor]:
    kind = case.cache or case.dtype
    if case.layout == "heads":
        shape = (blocks, case.heads, case.block_size, 2 * case.size)
        whole = torch.zeros(shape, dtype=kind).transpose(1, 2)
        return whole[..., : case.size], whole[..., case.size :]
    shape = (blocks, case.block_size, case.heads, case.size)
    return torch.zeros(shape, dtype=kind), torch.zeros(shape, dtype=kind)


def worst(case: Case, before: casework.Arguments, after: casework.Arguments) -> float:
    """0 where the caches are the reference's in every bit (any NaN is as good), else infinity."""
    wanted = casework.copied(before)
    reference.reshape_and_cache_flash(**wanted)
    pairs = [(after[name].cpu().float(), wanted[name].float()) for name in WRITES]
    same = all(bool(((a == b) | (a.isnan() & b.isnan())).all()) for a, b in pairs)
    signs = all(bool((a.signbit() == b.signbit())[~b.isnan()].all()) for a, b in pairs)
    return 0.0 if same and signs else float("inf")


def traffic(case: Case) -> int:
    """Bytes that must be read and written."""
    each = case.dtype.itemsize + (case.cache or case.dtype).itemsize
    return case.tokens * (2 * case.heads * case.size * each + 8)


_DTYPES = tuple(casework.ROUNDING)
_FN, _FNUZ = torch.float8_e4m3fn, torch.float8_e4m3fnuz

CASES: tuple[Case, ...] = (
    *(Case(7, 2, 64, d, emulate=True) for d in _DTYPES),
    *(Case(7, 2, 64, d, layout="heads", emulate=True) for d in _DTYPES),
    *(Case(6, 3, 20, d, emulate=True) for d in _DTYPES[:2]),  # odd places, or not
    *(Case(6, 3, 33, d, c, layout="heads", emulate=True) for d in _DTYPES for c in (None, _FN)),
    *(Case(20, 2, 64, d, c, special=True, emulate=True) for d in _DTYPES for c in (_FN, _FNUZ)),
    *(Case(40, 1, 24, d, _FNUZ, special=True, block_size=1) for d in _DTYPES),
    Case(5, 4, 128, torch.bfloat16, _FN, layout="heads", head_scales=True, emulate=True),
    Case(9, 4, 128, merged=True, block_size=32),
    Case(6, 1, 40, merged=True, emulate=True),
    Case(4, 2, 64, offset=3, emulate=True),
    Case(1, 1, 1, torch.float32, block_size=1, emulate=True),
    Case(3000, 8, 128, torch.bfloat16, layout="heads"),
)
_ROWS_BENCHED = (1, 4, 16, 64, 256, 1024, 4096)
BENCH: tuple[Case, ...] = tuple(
    Case(m, a.kv_heads, a.head_size, getattr(torch, model.dtype), layout="heads", merged=True)
    for model in shapes.models().values()
    for a in model.attention
    for m in _ROWS_BENCHED
)
