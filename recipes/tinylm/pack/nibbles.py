"""Eight 4-bit codes in one 32-bit word."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

IN_ORDER = (0, 1, 2, 3, 4, 5, 6, 7)
PER_WORD = 8


def pack(codes: NDArray[Any], axis: int, order: Sequence[int] = IN_ORDER) -> NDArray[np.int32]:
    """Return int32 words that each hold eight neighbours along the axis.

    Nibble ``i`` of a word, counted from the lowest bits, is neighbour ``order[i]``.
    Raises ValueError for codes outside 0..15 or an axis not divisible by eight.
    """
    if codes.min() < 0 or codes.max() > 15:
        raise ValueError(f"codes from {codes.min()} to {codes.max()}: four bits hold 0 to 15")
    if codes.shape[axis] % PER_WORD:
        raise ValueError(f"{codes.shape[axis]} codes do not fill words of {PER_WORD}")
    last = np.moveaxis(codes, axis, -1).astype(np.uint32)
    eights = last.reshape(*last.shape[:-1], -1, PER_WORD)
    words = np.zeros(eights.shape[:-1], dtype=np.uint32)
    for nibble, neighbour in enumerate(order):
        words |= eights[..., neighbour] << np.uint32(4 * nibble)
    return np.ascontiguousarray(np.moveaxis(words, -1, axis)).view(np.int32)
