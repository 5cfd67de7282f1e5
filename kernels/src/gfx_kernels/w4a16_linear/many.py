"""What the kernels for 9 to 32 rows of x are launched with: see `Many` in mma_many.h."""

from __future__ import annotations

from dataclasses import dataclass

from gfx_kernels.w4a16_linear import layout, tuning

_TILES = 4  # of layout.INPUTS, of a part of a stage
_PAIR = 2  # tiles of outputs of a wave
BARRIERS = 128  # bytes


@dataclass(frozen=True)
class Numbers:
    """What is launched, and what the kernel takes after m, n and k."""

    blocks: int
    waves: int
    shared: int  # bytes
    given: tuple[int, ...]


def numbers(
    rows: int,
    n: int,
    k: int,
    groups: int,
    inverse: int,
    zeros: bool,
    choice: tuning.Many,
    most: int,
) -> Numbers:
    """What `choice` makes, with smaller stages or fewer where `most` bytes of LDS are too few.

    `rows`: of x, that the kernel is for; `inverse`: as plan.py has it.
    """
    tiles, group_tiles = k // layout.INPUTS, k // groups // layout.INPUTS
    parts, across = min(choice.parts, -(-tiles // _TILES)), choice.across
    while _place(rows, across, parts, spans := _spans(parts, groups, group_tiles), zeros) > most:
        across, parts = (across // 2, parts) if across > 1 else (1, parts // 2)
    place = _place(rows, across, parts, spans, zeros)
    stages = -(-tiles // (parts * _TILES))
    depth = min(choice.depth, -(-stages // choice.together), most // place)
    sums = across * parts * _PAIR * rows * layout.ROWS * 4
    return Numbers(
        -(-layout.tiles(n) // (across * _PAIR)) * choice.together,
        across * parts,
        BARRIERS + max(depth * place, sums),
        (tiles, stages, groups, inverse, across, parts, depth, spans),
    )


def _spans(parts: int, groups: int, group_tiles: int) -> int:
    """Groups that a stage can touch."""
    return min(groups, (parts * _TILES - 1) // group_tiles + 2)


def _place(rows: int, across: int, parts: int, spans: int, zeros: bool) -> int:
    """Bytes of a stage: x, rows at different banks, and what belongs to its tiles of outputs."""
    of_tile = parts * 1024 + spans * 32 + ((spans * 8 + 31) & ~15 if zeros else 0)
    return rows * (parts * 256 + 64) + across * _PAIR * of_tile
