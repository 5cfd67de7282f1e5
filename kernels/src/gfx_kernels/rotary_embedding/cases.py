"""Shapes, dtypes and tolerance of rotary_embedding: one table for tests, emulator, benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gfx_kernels import casework, shapes
from gfx_kernels.rotary_embedding import reference

ACCUMULATOR = torch.float32
WRITES = ("query", "key")
# |error| <= ROUNDING[dtype] * |result| + CANCELLED * max|input|: half a unit in the last place, and
# what the float32 difference of two products loses.
CANCELLED = 2e-7
_ROWS = 512  # of the table


@dataclass(frozen=True)
class Case:
    """Heads of `size`, of which `rotary` numbers from `offset` on are rotated.

    `merged`: query and key are parts of one tensor, as a merged projection makes them, with room
    for as many value heads. `unknown`: some positions lie outside the table.
    """

    tokens: int
    heads: int
    kv_heads: int  # 0: no key
    size: int
    rotary: int
    dtype: torch.dtype = torch.float16
    table: torch.dtype | None = None  # that of the query, unless given
    neox: bool = True
    offset: int = 0
    inverse: bool = False
    merged: bool = False
    split: bool = False  # [tokens, heads, size] instead of [tokens, heads * size]
    batch: int = 0
    unknown: bool = False
    emulate: bool = False

    @property
    def name(self) -> str:
        geometry = f"{self.tokens}x{self.heads}+{self.kv_heads}x{self.size}r{self.rotary}"
        marks = [m for m in ("inverse", "merged", "split", "unknown") if getattr(self, m)]
        marks += [] if self.neox else ["interleaved"]
        marks += [f"offset{self.offset}"] if self.offset else []
        marks += [f"batch{self.batch}"] if self.batch else []
        marks += [f"table-{_short(self.table)}"] if self.table else []
        return "-".join([geometry, _short(self.dtype), *marks])


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def problem(case: Case, seed: int = 0) -> casework.Arguments:
    """Random arguments for `case`, the same for the same seed."""
    rng = torch.Generator().manual_seed(seed)
    query, key = _heads(case, rng)
    angle = torch.rand(_ROWS, case.rotary // 2, generator=rng) * 6.3
    positions = torch.randint(0, _ROWS, (case.tokens,), generator=rng)
    if case.unknown:
        positions[:3] = torch.tensor([-1, _ROWS, 2**40])
    return {
        "positions": positions.view(case.batch, -1) if case.batch else positions,
        "query": query,
        "key": key,
        "head_size": case.size,
        "cos_sin_cache": torch.cat((angle.cos(), angle.sin()), 1).to(case.table or case.dtype),
        "is_neox": case.neox,
        "rope_dim_offset": case.offset,
        "inverse": case.inverse,
    }


def _heads(case: Case, rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor | None]:
    sizes = [case.heads * case.size, case.kv_heads * case.size]
    if case.merged:
        whole = casework.normal(rng, case.dtype, case.tokens, sum(sizes), gap=sizes[1])
        query, key = whole.split(sizes, dim=1)
    else:
        query, key = (casework.normal(rng, case.dtype, case.tokens, size) for size in sizes)
    if case.batch:
        query, key = (t.unflatten(0, (case.batch, -1)) for t in (query, key))
    if case.split:
        query = query.unflatten(-1, (case.heads, case.size))
        key = key.unflatten(-1, (case.kv_heads, case.size))
    return query, key if case.kv_heads else None


def worst(case: Case, before: casework.Arguments, after: casework.Arguments) -> float:
    """The largest error, in units of what is allowed."""
    exact = casework.exact(reference.rotary_embedding, before)
    found = []
    for name in WRITES[: 2 if case.kv_heads else 1]:
        wanted, largest = exact[name], float(before[name].abs().max())
        allowed = casework.ROUNDING[case.dtype] * wanted.abs() + CANCELLED * largest
        found.append(casework.excess(after[name], wanted, allowed))
    return max(found)


def traffic(case: Case) -> int:
    """Bytes that must be read and written."""
    rotated = 2 * case.tokens * (case.heads + case.kv_heads) * case.rotary * case.dtype.itemsize
    table = case.tokens * case.rotary * (case.table or case.dtype).itemsize
    return rotated + table + case.tokens * 8


_DTYPES = tuple(casework.ROUNDING)
_HALF, _FULL = torch.float16, torch.float32

CASES: tuple[Case, ...] = (
    *(Case(3, 4, 2, 64, 64, d, neox=n, emulate=True) for d in _DTYPES for n in (True, False)),
    *(Case(3, 2, 1, 64, 32, d, neox=n) for d in _DTYPES for n in (True, False)),  # partial
    *(Case(2, 3, 1, 20, 10, d, neox=n, emulate=True) for d in _DTYPES for n in (True, False)),
    *(Case(3, 4, 1, 32, 16, d, _FULL, neox=n, emulate=True)
      for d in _DTYPES[1:] for n in (True, False)),
    Case(3, 2, 1, 20, 10, _HALF, _FULL, emulate=True),
    Case(5, 14, 2, 128, 128, merged=True),
    Case(2, 32, 1, 128, 128, emulate=True),  # two blocks a token
    Case(2, 8, 1, 70, 70, emulate=True),
    Case(65, 32, 1, 128, 128, emulate=True),  # one, which goes round
    Case(3, 4, 2, 64, 32, merged=True, split=True, emulate=True),
    Case(2, 2, 0, 64, 64, emulate=True),
    Case(3, 2, 1, 96, 32, offset=64, emulate=True),
    Case(3, 2, 1, 96, 32, offset=61, neox=False, emulate=True),
    Case(3, 2, 2, 64, 64, inverse=True, emulate=True),
    Case(6, 2, 1, 64, 64, batch=2),
    Case(5, 2, 1, 64, 64, unknown=True, emulate=True),
    Case(1, 1, 0, 2, 2, emulate=True),
    Case(4, 16, 4, 256, 64, torch.bfloat16, merged=True),
    Case(3000, 8, 1, 128, 128),
)  # fmt: skip


_ROWS_BENCHED = (1, 4, 16, 64, 256, 1024, 4096)
BENCH: tuple[Case, ...] = tuple(
    Case(m, a.heads, a.kv_heads, a.head_size, a.rotary, getattr(torch, model.dtype), merged=True)
    for model in shapes.models().values()
    for a in model.attention
    for m in _ROWS_BENCHED
)
