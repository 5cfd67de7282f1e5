"""How 4-bit weights lie in memory. One layout so far, `NK`; a loader repacks into it losslessly.

`NK`, for a weight of `n` outputs and `k` inputs in groups of `group_size` inputs:
    qweight  int32 `[n, ceil(k / 8)]`           input `i` is bits `4 * (i % 8)` of word `i // 8`;
                                                bits past `k` are zero
    scales   float `[n, ceil(k / group_size)]`
    zeros    uint8 `[n, ceil(k / group_size)]`  0..15; absent means 8 everywhere (symmetric)
A row is one output's inputs, so a row is read from start to end, and scales lie as rows do.
The weight is `scales * (value - zeros)`.
"""

from __future__ import annotations

import torch

PER_WORD = 8
SYMMETRIC_ZERO = 8


def words(k: int) -> int:
    """int32 words of a row of `k` values."""
    return -(-k // PER_WORD)


def groups(k: int, group_size: int) -> int:
    """Groups of a row of `k` values; the last may be short."""
    return -(-k // group_size)


def pack(values: torch.Tensor) -> torch.Tensor:
    """`values` `[n, k]`, integers 0..15, to int32 `[n, ceil(k / 8)]`."""
    n, k = values.shape
    padded = torch.nn.functional.pad(values.to(torch.uint8), (0, words(k) * PER_WORD - k))
    pairs = padded.view(n, -1, 2)
    # Every host and device we know is little-endian: byte `j` of a word is bits 8j to 8j + 7.
    return (pairs[..., 0] | (pairs[..., 1] << 4)).contiguous().view(torch.int32)


def unpack(qweight: torch.Tensor, k: int) -> torch.Tensor:
    """The inverse of `pack`: uint8 `[n, k]`."""
    pairs = qweight.contiguous().view(torch.uint8)
    values = torch.stack((pairs & 15, pairs >> 4), dim=-1)
    return values.view(qweight.shape[0], -1)[:, :k]
