"""What the kernels for 9 to 32 rows of x are launched with: see `Many` in mma_many.h."""

from __future__ import annotations

from dataclasses import dataclass

from gfx_kernels.w4 import layout
from gfx_kernels.w4a16_linear import tuning
from gfx_kernels.w4a16_linear.staging import Shape

_PAIR = 2  # tiles of outputs of a wave
_BARRIER = 8  # bytes
_MOST_BARRIERS = 16
BARRIERS = _MOST_BARRIERS * _BARRIER


@dataclass(frozen=True)
class Numbers:
    """What is launched, and what the kernel takes after m, n and k."""

    blocks: int
    waves: int
    shared: int  # bytes
    given: tuple[int, ...]


def numbers(rows: int, shape: Shape, choice: tuning.Many, most: int) -> Numbers:
    """What `choice` makes, with smaller stages or fewer where `most` bytes are too few for them.

    `rows`: of x, that the kernel is for; `most`: without barriers. Raises ValueError where they are
    too few for any.
    """
    parts, across = min(choice.parts, shape.chunks), choice.across
    while True:
        place, sums = _place(rows, across, parts, shape), _sums(rows, across, parts)
        if max(place, sums) <= most:
            break
        if across == parts == 1:
            raise ValueError(f"{rows} rows do not fit in {most} bytes of shared memory")
        across, parts = (across // 2, parts) if across > 1 else (1, parts // 2)
    stages = -(-shape.chunks // parts)
    depth = min(choice.depth, -(-stages // choice.together), most // place, _MOST_BARRIERS)
    sizes = (shape.tiles, stages, shape.groups, shape.inverse)
    return Numbers(
        -(-layout.tiles(shape.n) // (across * _PAIR)) * choice.together,
        across * parts,
        BARRIERS + max(depth * place, sums),
        (*sizes, across, parts, depth, shape.spans(parts)),
    )


def _place(rows: int, across: int, parts: int, shape: Shape) -> int:
    """Bytes of a stage: x, rows at different banks, and what belongs to its tiles of outputs."""
    return rows * (parts * 256 + 64) + across * _PAIR * shape.bytes_of(parts)


def _sums(rows: int, across: int, parts: int) -> int:
    """Bytes of the sums of all waves."""
    return across * parts * _PAIR * rows * layout.ROWS * 4
