"""What a part of a weight takes in shared memory, where waves bring it for themselves."""

from __future__ import annotations

from gfx_kernels.w4 import layout

CHUNK = 128  # inputs: four K32 tiles
TILES = CHUNK // layout.INPUTS


def spans(chunks: int, groups: int, group_tiles: int) -> int:
    """Groups that so many chunks can touch."""
    return min(groups, (chunks * TILES - 1) // group_tiles + 2)


def of_tile(chunks: int, spans: int, zeros: bool) -> int:
    """Bytes of a tile of outputs: words, scales, and zeros in pieces of 16, one of which may begin
    with another group's.
    """
    return chunks * 1024 + spans * 32 + ((spans * 8 + 31) & ~15 if zeros else 0)
