"""Batches, geometries and tolerances of paged_attention: one table for test and benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import torch

ACCUMULATOR = torch.float32

# |error| <= ROUNDING[dtype] * |result| + SUMMATION * max|value|: half a unit in the last place of
# the result, plus what float32 scores, softmax and sums lose.
ROUNDING = {torch.float32: 2**-24, torch.float16: 2**-11, torch.bfloat16: 2**-8}
SUMMATION = 4e-6


@dataclass(frozen=True)
class Case:
    """`lengths`: per request (cached tokens before this step, queries in this step)."""

    lengths: tuple[tuple[int, int], ...]
    heads: int = 4
    kv_heads: int = 2
    head_size: int = 64
    block_size: int = 16
    dtype: torch.dtype = torch.float32
    window: int | None = None
    causal: bool = True
    soft_cap: float = 0.0
    alibi: bool = False
    sinks: bool = False

    @property
    def name(self) -> str:
        batch = "+".join(f"{old}:{new}" for old, new in self.lengths)
        geometry = f"h{self.heads}k{self.kv_heads}d{self.head_size}b{self.block_size}"
        marks = [m for m in ("alibi", "sinks") if getattr(self, m)]
        marks += [f"w{self.window}"] if self.window else []
        marks += [f"cap{self.soft_cap:g}"] if self.soft_cap else []
        marks += [] if self.causal else ["full"]
        return "-".join([batch, geometry, str(self.dtype).removeprefix("torch."), *marks])


@dataclass(frozen=True)
class Problem:
    """Whole sequences, as a definition without pages wants them, and this step's queries.

    `keys`, `values`: per request `[tokens, kv_heads, head_size]`; `query`: `[tokens, heads,
    head_size]`; `block_table`: int32, blocks handed out in shuffled order.
    """

    query: torch.Tensor
    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]
    block_table: torch.Tensor
    query_start: torch.Tensor
    seq_lens: torch.Tensor
    alibi: torch.Tensor | None
    sinks: torch.Tensor | None


def problem(case: Case, seed: int = 0) -> Problem:
    """Random tensors for `case`, the same for the same seed."""
    rng = torch.Generator().manual_seed(seed)
    total = [old + new for old, new in case.lengths]
    new = [n for _, n in case.lengths]
    shape = (case.kv_heads, case.head_size)

    def rows(count: int, *tail: int) -> torch.Tensor:
        return torch.randn(count, *tail, generator=rng).to(case.dtype)

    return Problem(
        query=rows(sum(new), case.heads, case.head_size),
        keys=tuple(rows(t, *shape) for t in total),
        values=tuple(rows(t, *shape) for t in total),
        block_table=_blocks(total, case.block_size, rng),
        query_start=torch.tensor([0, *new]).cumsum(0).int(),
        seq_lens=torch.tensor(total).int(),
        alibi=torch.rand(case.heads, generator=rng) if case.alibi else None,
        sinks=rows(case.heads) if case.sinks else None,
    )


def _blocks(total: list[int], block_size: int, rng: torch.Generator) -> torch.Tensor:
    counts = [-(-t // block_size) for t in total]
    order = torch.randperm(sum(counts), generator=rng).int().split(counts)
    table = torch.zeros(len(total), max(counts), dtype=torch.int32)
    for row, blocks in zip(table, order, strict=True):
        row[: len(blocks)] = blocks
    return table


_MIXED = ((0, 7), (40, 1), (33, 5), (0, 1), (16, 16))

CASES: tuple[Case, ...] = (
    *(Case(_MIXED, dtype=d) for d in ROUNDING),
    *(Case(_MIXED, heads=h, kv_heads=k) for h, k in ((1, 1), (6, 6), (8, 1), (7, 7))),
    *(Case(_MIXED, head_size=d, block_size=b) for d, b in ((128, 16), (80, 32), (33, 5), (256, 1))),
    *(Case(_MIXED, window=w) for w in (1, 4, 16, 17, 1000)),
    Case(((0, 300),), window=50),  # more query rows than the reference handles at once
    Case(((700, 300),)),
    Case(_MIXED, soft_cap=5.0),
    Case(_MIXED, alibi=True),
    Case(_MIXED, sinks=True, window=8),
    Case(_MIXED, causal=False),
)
