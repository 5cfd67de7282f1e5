"""A product's sizes, and what a part of its weight takes in shared memory."""

from __future__ import annotations

from dataclasses import dataclass

from gfx_kernels.w4 import layout

CHUNK = 128  # inputs: four K32 tiles
TILES = CHUNK // layout.INPUTS


@dataclass(frozen=True)
class Shape:
    """`m` rows of x; a weight of `n` outputs, `k` inputs in `groups` groups, `zeros` or not."""

    m: int
    n: int
    k: int
    groups: int
    zeros: bool

    @property
    def tiles(self) -> int:
        """Of a row of the weight."""
        return self.k // layout.INPUTS

    @property
    def chunks(self) -> int:
        """The last may be short."""
        return -(-self.tiles // TILES)

    @property
    def group_tiles(self) -> int:
        return self.tiles // self.groups

    @property
    def inverse(self) -> int:
        """A tile's group is `tile * inverse >> 20`; exact for the 1024 tiles that k can have."""
        return -(-(1 << 20) // self.group_tiles)

    @property
    def one_group_in_chunk(self) -> bool:
        return self.group_tiles % TILES == 0 or self.groups == 1

    def spans(self, chunks: int) -> int:
        """Groups that so many chunks can touch."""
        return min(self.groups, (chunks * TILES - 1) // self.group_tiles + 2)

    def bytes_of(self, chunks: int) -> int:
        """Of a tile of outputs: words, scales, and zeros in pieces of 16, of which one may begin
        with another group's.
        """
        spans = self.spans(chunks)
        return chunks * 1024 + spans * 32 + ((spans * 8 + 31) & ~15 if self.zeros else 0)
