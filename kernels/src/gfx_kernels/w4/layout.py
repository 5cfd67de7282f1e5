"""How 4-bit weights lie in memory: "N16K32", the one layout of every target.

For a weight of `n` outputs (padded to a multiple of 16) and `k` inputs, `k % 32 == 0`:
    qweight  int32 `[n/16, k/32, 16, 4]`  16 bytes per output and 32 inputs; word `j` holds inputs
                                          8j..8j+7 of the 32 as nibbles 0 2 4 6 1 3 5 7, so that
                                          `(word >> 4 * i) & 0x000F000F` is the pair (2i, 2i + 1)
    scales   float `[n/16, groups, 16]`   in the dtype of the activations
    zeros    int32 `[n/16, groups, 2]`    0..15 in nibble `r % 8` of word `r / 8` for output `r` of
                                          the 16; absent means 8 everywhere (symmetric)
The weight is `scales * (value - zeros)`. A tile of 16 outputs is contiguous, its 16-byte pieces are
what one lane loads at once, and they are the operands of the matrix instructions in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from gfx_kernels.w4 import nibbles

ROWS = 16
INPUTS = 32
WORDS = INPUTS // nibbles.PER_WORD
ZERO_WORDS = ROWS // nibbles.PER_WORD
SYMMETRIC_ZERO = 8


@dataclass(frozen=True)
class Packed:
    """A weight in this layout."""

    qweight: torch.Tensor
    scales: torch.Tensor
    zeros: torch.Tensor | None = None


def tiles(n: int) -> int:
    """Tiles of `n` outputs; the last may hold padding."""
    return -(-n // ROWS)


def why_not(n: int, k: int, group_size: int) -> str | None:
    """Why such a weight has no place in this layout; None if it has."""
    if n < 1 or k < 1:
        return f"a weight of {n} outputs and {k} inputs is empty"
    if k % INPUTS:
        return f"{k} inputs are no multiple of {INPUTS}"
    if group_size != -1 and (group_size < 1 or k % group_size):
        return f"{k} inputs are no multiple of the group size {group_size}"
    return None


def pack(values: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | None = None) -> Packed:
    """From `values` `[n, k]`, `scales` and `zeros` `[n, groups]`; values and zeros are 0..15.

    Losslessly; rows of padding are zero. Raises ValueError if the sizes have no place in the
    layout, or if a scale is not finite: kernels do not look for NaN.
    """
    n, k = values.shape
    for name, by_group in {"scales": scales, "zeros": zeros}.items():
        if by_group is not None and (by_group.dim() != 2 or by_group.shape[0] != n):
            raise ValueError(
                f"{name} is {list(by_group.shape)}; give [{n}, groups], a row an output"
            )
    if zeros is not None and zeros.shape != scales.shape:
        raise ValueError(
            f"zeros is {list(zeros.shape)}, scales {list(scales.shape)}; give them alike"
        )
    groups = scales.shape[1]
    if groups < 1 or k % groups:
        raise ValueError(f"{k} inputs cannot lie in {groups} groups of one size")
    return Packed(
        pack_values(values), pack_scales(scales), None if zeros is None else pack_zeros(zeros)
    )


def pack_values(values: torch.Tensor) -> torch.Tensor:
    """`qweight` of `values` `[n, k]`, 0..15. Raises ValueError for others, or `k % 32 != 0`."""
    n, k = values.shape
    if reason := why_not(n, k, -1):
        raise ValueError(f"values {tuple(values.shape)}: {reason}")
    if int(values.max()) > 15 or int(values.min()) < 0:
        raise ValueError("values hold more than 4 bits; give integers from 0 to 15")
    shape = (tiles(n), ROWS, k // INPUTS, INPUTS)
    # Words first, in the order of the rows: what is permuted is then an eighth as large.
    words = nibbles.pack(values, nibbles.PAIRED)
    return _padded(words).view(*shape[:3], WORDS).transpose(1, 2).contiguous()


def unpack_values(qweight: torch.Tensor, n: int) -> torch.Tensor:
    """The inverse of `pack_values`: uint8 `[n, k]`."""
    rows = qweight.transpose(1, 2).reshape(qweight.shape[0] * ROWS, -1)
    return nibbles.unpack(rows[:n], nibbles.PAIRED)


def pack_scales(scales: torch.Tensor) -> torch.Tensor:
    """`scales` `[n, groups]` by tile. Raises ValueError if one is NaN or infinite."""
    if not bool(torch.isfinite(scales).all()):
        raise ValueError("scales hold NaN or infinity; the checkpoint is damaged, get it again")
    return _padded(scales).view(-1, ROWS, scales.shape[1]).transpose(1, 2).contiguous()


def unpack_scales(scales: torch.Tensor, n: int) -> torch.Tensor:
    """The inverse of `pack_scales`: `[n, groups]`."""
    return scales.transpose(1, 2).flatten(0, 1)[:n]


def pack_zeros(zeros: torch.Tensor) -> torch.Tensor:
    """`zeros`, integers 0..15 `[n, groups]`, by tile."""
    by_tile = _padded(zeros).view(-1, ROWS, zeros.shape[1]).transpose(1, 2)
    return nibbles.pack(by_tile)


def unpack_zeros(zeros: torch.Tensor, n: int) -> torch.Tensor:
    """The inverse of `pack_zeros`: uint8 `[n, groups]`."""
    return unpack_scales(nibbles.unpack(zeros), n)


def _padded(rows: torch.Tensor) -> torch.Tensor:
    return pad(rows, (0, 0, 0, -rows.shape[0] % ROWS)).contiguous()
