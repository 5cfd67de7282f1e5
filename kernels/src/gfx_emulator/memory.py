"""Global memory: buffers of this process at their own addresses, every access checked."""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import OutOfBounds, Unsupported

Array = npt.NDArray[Any]
_ALIGNMENT = 256  # of what hipMalloc returns
_GUARD = 4096  # bytes around an allocation that belong to nobody
_WORDS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64, 16: np.complex128}


class Buffer(NamedTuple):
    start: int
    end: int
    name: str
    writable: bool


class _Region:
    """Overlapping buffers together; `views` address it in words of any size from `base`."""

    def __init__(self, start: int, end: int, writable: bool) -> None:
        self.start, self.end, self.writable = start, end, writable
        self.base = start & -16  # rounding out stays within the page; access is checked first
        size = -(-(end - self.base) // 16) * 16
        raw = np.frombuffer(memoryview((ctypes.c_char * size).from_address(self.base)), np.uint8)
        self.views: dict[int, Array] = {n: raw.view(kind) for n, kind in _WORDS.items()}


class Memory:
    """What a launch may touch. Addresses are those of this process."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self._kept: list[Array] = []
        self._regions: list[_Region] | None = None
        self._starts: list[int] = []

    def alloc(self, what: npt.ArrayLike | int, name: str, writable: bool = True) -> int:
        """Address of a copy of the array `what`, or of that many bytes of 0xCD."""
        data = None if isinstance(what, int) else np.ascontiguousarray(what)
        size = what if isinstance(what, int) else data.nbytes  # type: ignore[union-attr]
        raw = np.full(size + 2 * _GUARD + _ALIGNMENT, 0xCD, np.uint8)
        offset = -(raw.ctypes.data + _GUARD) % _ALIGNMENT + _GUARD
        if data is not None:
            raw[offset : offset + size] = data.reshape(-1).view(np.uint8)
        self._kept.append(raw)
        return self.map(int(raw.ctypes.data) + offset, size, name, writable)

    def map(self, address: int, nbytes: int, name: str, writable: bool = True) -> int:
        """Let a launch touch `nbytes` at `address`, which the caller keeps alive."""
        self.buffers.append(Buffer(address, address + nbytes, name, writable))
        self._regions = None
        return address

    def read(self, address: int, nbytes: int) -> bytes:
        """A copy. Raises OutOfBounds."""
        if not any(b.start <= address and address + nbytes <= b.end for b in self.buffers):
            raise OutOfBounds(self.near(address, nbytes, "read"))
        return ctypes.string_at(address, nbytes)

    def load(self, addresses: Array, nbytes: int) -> Array:
        """uint32 [len(addresses), words]: `nbytes` at each, extended to 4 with zeros."""
        out = np.empty((len(addresses), max(1, nbytes // 4)), np.uint32)
        for region, rows in self._split(addresses, nbytes, "load"):
            at = addresses if rows is None else addresses[rows]
            out[slice(None) if rows is None else rows] = _gather(region, at, nbytes)
        return out

    def store(self, addresses: Array, nbytes: int, words: Array) -> None:
        """Write the first `nbytes` of every row of `words`, uint32 [len(addresses), words]."""
        for region, rows in self._split(addresses, nbytes, "store"):
            some = slice(None) if rows is None else rows
            if not region.writable:
                first = int(np.arange(len(addresses))[some][0])
                message = self.near(int(addresses[first]), nbytes, "store to constant")
                raise OutOfBounds(message, first)
            _scatter(region, addresses[some], nbytes, words[some])

    def near(self, address: int, nbytes: int, what: str) -> str:
        """One line: the access and the buffer nearest to it."""
        if not self.buffers:
            return f"{what} of {nbytes} bytes at {address:#x}: there are no buffers"
        nearest = min(self.buffers, key=lambda b: max(b.start - address, address - b.end, 0))
        size = nearest.end - nearest.start
        offset = address - nearest.start
        return (
            f"{what} of {nbytes} bytes at {address:#x}, which is {offset:+d} in the nearest "
            f"buffer, {nearest.name} ({size} bytes)"
        )

    def _split(
        self, addresses: Array, nbytes: int, what: str
    ) -> list[tuple[_Region, Array | None]]:
        """Which rows of `addresses` lie in which region; None: all. Raises OutOfBounds."""
        regions = self._merged()
        if not len(addresses):
            return []
        low, high = int(addresses.min()), int(addresses.max()) + nbytes
        n = bisect_right(self._starts, low) - 1
        if n >= 0 and high <= regions[n].end:
            return [(regions[n], None)]
        which = np.searchsorted(np.array(self._starts, np.uint64), addresses, "right") - 1
        ends = np.array([r.end for r in regions] or [0], np.uint64)
        outside = (which < 0) | (addresses + np.uint64(nbytes) > ends[which])
        if outside.any():
            first = int(np.argmax(outside))
            raise OutOfBounds(self.near(int(addresses[first]), nbytes, what), first)
        return [(regions[n], np.flatnonzero(which == n)) for n in np.unique(which)]

    def _merged(self) -> list[_Region]:
        if self._regions is None:
            spans: list[list[Any]] = []
            for b in sorted(b for b in self.buffers if b.end > b.start):
                if spans and b.start < spans[-1][1]:
                    spans[-1][1] = max(spans[-1][1], b.end)
                    spans[-1][2] = spans[-1][2] and b.writable
                else:
                    spans.append([b.start, b.end, b.writable])
            self._regions = [_Region(*span) for span in spans]
            self._starts = [r.start for r in self._regions]
        return self._regions


def _unit(addresses: Array, nbytes: int) -> int:
    """The largest word that all the addresses are multiples of, and that divides `nbytes`."""
    bits = int(np.bitwise_or.reduce(addresses)) | nbytes
    return min(16, bits & -bits)


def _gather(region: _Region, addresses: Array, nbytes: int) -> Array:
    unit = _unit(addresses, nbytes)
    index = ((addresses - np.uint64(region.base)) // np.uint64(unit)).astype(np.intp)
    view = region.views[unit]
    if nbytes > unit:
        index = index[:, None] + np.arange(nbytes // unit)
    found = view[index]
    if nbytes < 4:
        if unit < nbytes:
            found = np.ascontiguousarray(found).view(np.uint16)
        return found.reshape(-1, 1).astype(np.uint32)
    if nbytes % 4:
        raise Unsupported(f"loads of {nbytes} bytes")
    return np.ascontiguousarray(found).view(np.uint32).reshape(len(addresses), -1)


def _scatter(region: _Region, addresses: Array, nbytes: int, words: Array) -> None:
    unit = _unit(addresses, nbytes)
    index = ((addresses - np.uint64(region.base)) // np.uint64(unit)).astype(np.intp)
    values = np.ascontiguousarray(words).view(np.uint8)[:, :nbytes]
    values = np.ascontiguousarray(values).view(_WORDS[unit])
    region.views[unit][index[:, None] + np.arange(nbytes // unit)] = values
