"""The work-groups' shared memory: contents, what was written, and who touched it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import LdsRace, OutOfBounds, Uninitialised

Array = npt.NDArray[Any]
_MANY = 255  # readers: more than one wave
_SPREAD = np.uint32(0x01010101)
_PAD = 16


class Lds:
    """Bytes of several work-groups, one after the other.

    `writer` and `reader` hold per byte which wave of the work-group touched it since the last
    barrier, counted from 1; 0 is none. Reads are noted only once there is a write to compare with.
    """

    def __init__(self, groups: int, size: int, seed: int) -> None:
        self.size, self.stride = size, -(-size // _PAD) * _PAD
        total = groups * self.stride
        random = np.random.default_rng([seed, size])
        self.data = random.integers(0, 256, total, np.uint8)
        self.defined = np.zeros(total, np.uint8)
        self.all_defined = False
        self.writer = np.zeros(total, np.uint8)
        self.reader = np.zeros(total, np.uint8)
        self.written = False  # since the last barrier
        self.reads: list[tuple[Array, Array, int]] = []  # likewise: bytes, waves, unit

    def barrier(self) -> None:
        """Every wave has waited: what was touched before races with nothing after."""
        if self.written:
            self.writer[:] = 0
            self.reader[:] = 0
            used = self.defined.reshape(-1, self.stride)[:, : self.size]
            self.all_defined = bool(used.all())
        self.written = False
        self.reads.clear()

    def load(self, group: Array, wave: Array, address: Array, nbytes: int) -> Array:
        """uint32 [accesses, words]. All arguments but `nbytes` are per access."""
        at, unit = self._places(group, address, nbytes)
        if not self.all_defined:
            self._all_true(self.defined, at, unit)
        waves = np.broadcast_to((wave + 1).astype(np.uint8)[:, None], at.shape)
        if self.written:
            self._conflict(self.writer, at, waves, unit, "reads what another wave wrote")
            self._note_read(at, waves, unit)
        else:
            self.reads.append((at, waves, unit))
        found = self.data.view(_kind(unit))[at]
        if nbytes < 4:
            return np.ascontiguousarray(found).view(_kind(nbytes)).astype(np.uint32)
        return np.ascontiguousarray(found).view(np.uint32)

    def store(self, group: Array, wave: Array, address: Array, nbytes: int, words: Array) -> None:
        at, unit = self._places(group, address, nbytes)
        waves = np.broadcast_to((wave + 1).astype(np.uint8)[:, None], at.shape)
        for read in self.reads:
            self._note_read(*read)
        self.reads.clear()
        self._conflict(self.reader, at, waves, unit, "overwrites what another wave reads")
        self._conflict(self.writer, at, waves, unit, "overwrites what another wave wrote")
        self.written = True
        marks = waves * _SPREAD
        self.writer.view(_kind(unit))[at] = marks.astype(_kind(unit))
        stored = self.writer.view(_kind(unit))[at]
        if (stored != marks.astype(_kind(unit))).any():  # two waves in one instruction
            row = int(np.argwhere(stored != marks.astype(_kind(unit)))[0][0])
            raise LdsRace(f"two waves write LDS byte {int(address[row])} at once", row)
        values = np.ascontiguousarray(words).view(np.uint8)[:, :nbytes]
        self.data.view(_kind(unit))[at] = np.ascontiguousarray(values).view(_kind(unit))
        self.defined.view(_kind(unit))[at] = _SPREAD.astype(_kind(unit))

    def _places(self, group: Array, address: Array, nbytes: int) -> tuple[Array, int]:
        """Numbers of the words [accesses, words] in arrays of `unit` bytes each."""
        outside = address.astype(np.int64) + nbytes > self.size
        if outside.any():
            row = int(np.argmax(outside))
            message = f"LDS access of {nbytes} bytes at {int(address[row])} of {self.size}"
            raise OutOfBounds(message, row)
        bits = int(np.bitwise_or.reduce(address)) | nbytes if len(address) else 4
        unit = min(4, bits & -bits)
        first = (group * self.stride + address) // unit
        return first.astype(np.intp)[:, None] + np.arange(nbytes // unit), unit

    def _all_true(self, flags: Array, at: Array, unit: int) -> None:
        known = flags.view(_kind(unit))[at] == _SPREAD.astype(_kind(unit))
        if not known.all():
            row, word = np.argwhere(~known)[0]
            byte = int(at[row, word]) * unit % self.stride
            raise Uninitialised(f"LDS byte {byte} is read but never written", int(row))

    def _conflict(self, who: Array, at: Array, waves: Array, unit: int, what: str) -> None:
        found = who.view(_kind(unit))[at]
        if not found.any():
            return
        own = np.ascontiguousarray(waves)[..., None]
        parts = np.ascontiguousarray(found)[..., None].view(np.uint8)
        other = (parts != 0) & (parts != own)
        if other.any():
            row, word, byte = np.argwhere(other)[0]
            place = int(at[row, word]) * unit % self.stride + int(byte)
            raise LdsRace(f"{what} without a barrier between, LDS byte {place}", int(row))

    def _note_read(self, at: Array, waves: Array, unit: int) -> None:
        marks = (waves * _SPREAD).astype(_kind(unit))
        readers = self.reader.view(_kind(unit))
        old = readers[at]
        many = np.array(_MANY * _SPREAD).astype(_kind(unit))
        new = np.where((old == 0) | (old == marks), marks, many)
        readers[at] = new
        readers[at[readers[at] != new]] = many


def _kind(unit: int) -> Any:
    return {1: np.uint8, 2: np.uint16, 4: np.uint32}[unit]
