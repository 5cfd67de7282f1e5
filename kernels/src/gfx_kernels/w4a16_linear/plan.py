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
from gfx_kernels.w4a16_linear.staging import CHUNK, Shape

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
    shape, name = Shape(m, n, k, groups, zeros), rows.TYPES[dtype]
    if tuning.of(arch)["kernel"] == "dot":
        return _dot(name, shape)
    if m <= ROWS[-1]:
        return mma(arch, name, shape, tuning.choice(arch, m, n, k))
    return many_rows(arch, name, shape, tuning.many(arch, m, n, k))


def _dot(dtype: str, shape: Shape) -> Plan:
    of = min(r for r in ROWS if r >= shape.m)
    name = f"{OP}_dot_{dtype}_m{of}{_with(shape.zeros)}"
    kernel = runtime.kernel(OP, name, _POINTERS + "iiiii")
    numbers = (shape.m, shape.n, shape.k, shape.groups, shape.inverse)
    return Plan(kernel, layout.tiles(shape.n), THREADS, 0, numbers)


def mma(arch: str, dtype: str, shape: Shape, choice: tuning.Choice) -> Plan:
    """The plan that `choice` makes, smaller where the shape or the shared memory is."""
    data, chunks = tuning.of(arch), shape.chunks
    waves = min(choice.waves, chunks)
    share, extra = divmod(chunks, waves)
    step, depth = min(choice.step, share + bool(extra)), choice.depth
    kind = "chunk" if shape.one_group_in_chunk else _apart(shape.group_tiles)
    most, totals = data["shared_bytes"], chunks * TOTALS if kind == "chunk" else 0
    row = chunks * CHUNK * 2 + 64  # bytes of x, rows at different banks
    while (free := most - totals - _fixed(waves, depth, step, shape)) < row:
        if depth == 1 and step <= 1:
            raise ValueError(
                f"a row of {shape.k} inputs does not fit in {most} bytes of shared memory"
            )
        depth, step = (depth - 1, step) if depth > 1 else (1, step // 2)
    held = min(shape.m, free // row)
    blocks = min(layout.tiles(shape.n), data["processors"] * choice.per_processor)
    name = f"{OP}_mma_{dtype}_{kind}{_with(shape.zeros)}"
    sizes = (shape.m, shape.n, shape.k, shape.tiles, chunks, shape.groups, shape.inverse)
    return Plan(
        runtime.kernel(OP, name, _POINTERS + "i" * 15, overlap=True),
        blocks,
        waves * LANES,
        max(most - free + held * row, _alone(data, choice)),
        (*sizes, blocks, waves, share, extra, step, depth, shape.spans(step), held),
    )


def many_rows(arch: str, dtype: str, shape: Shape, choice: tuning.Many) -> Plan:
    """The plan that `choice` makes for more rows than a kernel above takes."""
    of, kind = min(r for r in _MANY if r >= shape.m), "chunk" if shape.one_group_in_chunk else "any"
    name = f"{OP}_many_{dtype}_{kind}{_with(shape.zeros)}_m{of}_by{choice.together}"
    made = many.numbers(of, shape, choice, tuning.of(arch)["shared_bytes"] - many.BARRIERS)
    kernel = runtime.kernel(OP, name, _POINTERS + "i" * 11, overlap=True)
    numbers = (shape.m, shape.n, shape.k, *made.given)
    return Plan(kernel, made.blocks, made.waves * LANES, made.shared, numbers)


def _with(zeros: bool) -> str:
    return "_zeros" if zeros else ""


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


def _fixed(waves: int, depth: int, step: int, shape: Shape) -> int:
    """Bytes of shared memory without x and its sums: sums, barriers, the steps in flight."""
    steps = waves * depth * shape.bytes_of(step)
    return waves * 1024 + (waves * depth * 8 + 127 & ~127) + steps
