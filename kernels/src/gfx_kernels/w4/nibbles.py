"""Eight 4-bit values in an int32 word, in natural order or in another."""

from __future__ import annotations

from collections.abc import Sequence

import torch

PER_WORD = 8
# Nibble `p`, counted from the lowest bits, holds value ORDER[p] of its eight.
NATURAL = (0, 1, 2, 3, 4, 5, 6, 7)
# AWQ's files and our kernels: nibbles `i` and `i + 4` are neighbours, one in each half of the word.
PAIRED = (0, 2, 4, 6, 1, 3, 5, 7)


def pack(values: torch.Tensor, order: Sequence[int] = NATURAL) -> torch.Tensor:
    """Integers 0..15 `[..., 8 * w]` to int32 `[..., w]`.

    Raises ValueError if the last dimension is no multiple of 8.
    """
    if values.shape[-1] % PER_WORD:
        raise ValueError(f"values {tuple(values.shape)}: the last size is no multiple of 8")
    eights = values.to(torch.uint8).reshape(*values.shape[:-1], -1, PER_WORD)
    if tuple(order) != NATURAL:
        eights = eights[..., list(order)]
    # Every host and device we know is little-endian: byte `j` of a word is bits 8j to 8j + 7.
    pairs = eights[..., 0::2] | (eights[..., 1::2] << 4)
    return pairs.contiguous().view(torch.int32).squeeze(-1)


def unpack(words: torch.Tensor, order: Sequence[int] = NATURAL) -> torch.Tensor:
    """The inverse of `pack`: uint8 `[..., 8 * w]`."""
    pairs = words.contiguous().unsqueeze(-1).view(torch.uint8)
    eights = torch.stack((pairs & 15, pairs >> 4), dim=-1).flatten(-2)
    if tuple(order) != NATURAL:
        eights = eights[..., [list(order).index(value) for value in range(PER_WORD)]]
    return eights.flatten(-2)
