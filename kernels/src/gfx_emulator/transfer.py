"""Between lanes and memory: which lanes access, where in a register the data goes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import names
from .errors import EmulationError
from .state import Registers, Waves

Array = npt.NDArray[Any]

_BYTES = {
    "b8": 1, "u8": 1, "i8": 1, "b16": 2, "u16": 2, "i16": 2, "b32": 4, "b64": 8, "b96": 12,
    "b128": 16, "b256": 32, "b512": 64,
}  # fmt: skip


class Shape(NamedTuple):
    """What one lane moves: "d16_hi_u8" is one byte to the upper half of a register."""

    bytes: int
    signed: bool
    half: int | None  # which half of the register; None: all of it


def shape(name: str) -> Shape | None:
    name = names.width(name)
    half: int | None = None
    if name.startswith("d16_"):
        half = int(name.startswith("d16_hi_"))
        name = name.removeprefix("d16_").removeprefix("hi_")
    if name not in _BYTES:
        return None
    return Shape(_BYTES[name], name.startswith("i"), half)


def on(w: Waves, values: Array, mask: Array | None) -> Array:
    return values.reshape(w.n * w.lanes, *values.shape[2:]) if mask is None else values[mask]


def fault_at(error: EmulationError, mask: Array | None, w: Waves) -> EmulationError:
    """Turn the number of an access among the active lanes into wave and lane."""
    flat = error.row if mask is None else int(np.flatnonzero(mask)[error.row])
    error.row, error.lane = divmod(flat, w.lanes)
    return error


def extended(words: Array, what: Shape) -> Array:
    """What was loaded, with its sign spread over 32 bits if it has one."""
    if not what.signed:
        return words
    kind = np.int8 if what.bytes == 1 else np.int16
    return np.asarray(words.astype(kind).astype(np.int32).view(np.uint32))


def spread(
    w: Waves, registers: Registers, index: int, words: Array, what: Shape, mask: Array | None
) -> None:
    """Write what was loaded, [active lanes, words], to the registers from `index` on."""
    words = extended(words, what)
    for n in range(words.shape[1]):
        value = whole = words[:, n]
        if mask is None:
            whole = value.reshape(w.n, w.lanes)
        else:
            whole = np.zeros((w.n, w.lanes), np.uint32)
            whole[mask] = value
        if what.half is not None:
            old = registers.old(index)
            whole = whole & 0xFFFF
            whole = (old & 0xFFFF) | whole << 16 if what.half else (old & 0xFFFF0000) | whole
        registers.put(index + n, whole, mask)


def gather(w: Waves, index: int, what: Shape, mask: Array | None, high: int = 0) -> Array:
    """What is to be stored, uint32 [active lanes, words]."""
    count = max(1, what.bytes // 4)
    words = [on(w, w.v.get(index + n, mask), mask) for n in range(count)]
    if what.half or high:
        words = [words[0] >> np.uint32(16)]
    return np.stack(words, -1)
