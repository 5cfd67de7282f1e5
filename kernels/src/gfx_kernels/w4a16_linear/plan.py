"""The numbers a kernel of w4a16_linear is launched with, worked out once a shape.

The kernels are handed what would cost them a division: see `Plan` in mma.h, `Many` in mma_many.h,
and dot.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from gfx_kernels import rows, runtime
from gfx_kernels.w4 import layout
from gfx_kernels.w4a16_linear import many, tuning
from gfx_kernels.w4a16_linear.staging import CHUNK, TILES, of_tile, spans

OP = "w4a16_linear"
THREADS = 256  # of a block of the dot kernels
LANES = 32  # of a wave of the mma kernels
TOTALS = 8 * 4  # bytes: the sum of a part of x in each of 8 rows
_POINTERS = "pppppp"
ROWS = (1, 2, 4, 8)  # that there are dot kernels for; an mma kernel takes up to 8
_MANY = (16, 32)  # that there are many kernels for


@dataclass(frozen=True)
class Plan:
    """A kernel, its launch, and what it takes after its pointers."""

    kernel: runtime.Kernel
    blocks: int
    threads: int
    shared: int
    numbers: tuple[int, ...]


def at_once(arch: str) -> int:
    """Rows of x that a launch takes."""
    return ROWS[-1] if tuning.of(arch)["kernel"] == "dot" else _MANY[-1]


@cache
def plan(arch: str, dtype: torch.dtype, m: int, n: int, k: int, groups: int, zeros: bool) -> Plan:
    """For `m` rows of x and a weight of `n` outputs, `k` inputs in `groups` groups."""
    if tuning.of(arch)["kernel"] == "dot":
        return _dot(rows.TYPES[dtype], m, n, k, groups, zeros)
    shape = (arch, rows.TYPES[dtype], m, n, k, groups, zeros)
    if m <= ROWS[-1]:
        return mma(*shape, tuning.choice(arch, m, n, k))
    return many_rows(*shape, tuning.many(arch, m, n, k))


def _inverse(k: int, groups: int) -> int:
    """A tile's group is `tile * inverse >> 20`; exact for the 1024 tiles that k can have."""
    group_tiles = k // groups // layout.INPUTS
    return -(-(1 << 20) // group_tiles)


def _dot(dtype: str, m: int, n: int, k: int, groups: int, zeros: bool) -> Plan:
    of = min(r for r in ROWS if r >= m)
    name = f"{OP}_dot_{dtype}_m{of}{'_zeros' if zeros else ''}"
    kernel = runtime.kernel(OP, name, _POINTERS + "iiiii")
    return Plan(kernel, layout.tiles(n), THREADS, 0, (m, n, k, groups, _inverse(k, groups)))


def mma(
    arch: str,
    dtype: str,
    m: int,
    n: int,
    k: int,
    groups: int,
    zeros: bool,
    choice: tuning.Choice,
) -> Plan:
    """The plan that `choice` makes, smaller where the shape or the shared memory is."""
    data = tuning.of(arch)
    chunks, group_tiles = -(-k // CHUNK), k // groups // layout.INPUTS
    waves = min(choice.waves, chunks)
    share, extra = divmod(chunks, waves)
    step = min(choice.step, share + bool(extra))
    kind = "chunk" if group_tiles % TILES == 0 or groups == 1 else _apart(group_tiles)
    depth = choice.depth
    most, totals = data["shared_bytes"], chunks * TOTALS if kind == "chunk" else 0
    row = chunks * CHUNK * 2 + 64  # bytes of x, rows at different banks
    while (free := most - totals - _fixed(waves, depth, step, groups, group_tiles, zeros)) < row:
        if depth == 1 and step <= 1:
            raise ValueError(f"a row of {k} inputs does not fit in {most} bytes of shared memory")
        depth, step = (depth - 1, step) if depth > 1 else (1, step // 2)
    held = min(m, free // row)
    blocks = min(layout.tiles(n), data["processors"] * choice.per_processor)
    name = f"{OP}_mma_{dtype}_{kind}{'_zeros' if zeros else ''}"
    numbers = (k // layout.INPUTS, chunks, groups, _inverse(k, groups), blocks, waves, share, extra)
    touched = spans(step, groups, group_tiles)
    return Plan(
        runtime.kernel(OP, name, _POINTERS + "i" * 15, overlap=True),
        blocks,
        waves * LANES,
        max(most - free + held * row, _alone(data, choice)),
        (m, n, k, *numbers, step, depth, touched, held),
    )


def many_rows(
    arch: str,
    dtype: str,
    m: int,
    n: int,
    k: int,
    groups: int,
    zeros: bool,
    choice: tuning.Many,
) -> Plan:
    """The plan that `choice` makes for more rows than a kernel above takes."""
    of, whole = min(r for r in _MANY if r >= m), k // groups % CHUNK == 0 or groups == 1
    kind = f"{'chunk' if whole else 'any'}{'_zeros' if zeros else ''}"
    name = f"{OP}_many_{dtype}_{kind}_m{of}_by{choice.together}"
    most = tuning.of(arch)["shared_bytes"] - many.BARRIERS
    made = many.numbers(of, n, k, groups, _inverse(k, groups), zeros, choice, most)
    kernel = runtime.kernel(OP, name, _POINTERS + "i" * 11, overlap=True)
    return Plan(kernel, made.blocks, made.waves * LANES, made.shared, (m, n, k, *made.given))


def _alone(data: dict[str, Any], choice: tuning.Choice) -> int:
    """Bytes of shared memory with which no block more fits on a processor, if that is the choice.

    Else a processor that the launch before left first may get more than its share, and end last;
    but where more fit, the next launch begins sooner.
    """
    reserved = data["reserved_bytes"]
    least = (data["shared_bytes"] + reserved) // (choice.per_processor + 1) - reserved + 1
    return least if choice.alone else 0


def _apart(group_tiles: int) -> str:
    return "tile" if group_tiles == 1 else "any"


def _fixed(waves: int, depth: int, step: int, groups: int, group_tiles: int, zeros: bool) -> int:
    """Bytes of shared memory without x and its sums: sums, barriers, the steps in flight."""
    place = of_tile(step, spans(step, groups, group_tiles), zeros)
    return waves * 1024 + (waves * depth * 8 + 127 & ~127) + waves * depth * place
