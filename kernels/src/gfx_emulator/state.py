"""Registers of the waves that are at one instruction together.

Arrays of registers are never written in place: a write replaces the array, so that registers may
share one. What was never written is known, per lane, and reading it is an error; it holds junk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import Uninitialised

Array = npt.NDArray[Any]
Defined = Array | bool

VCC, TTMP, M0, NULL, EXEC, SGPRS = 106, 108, 124, 125, 126, 128
VGPRS = 512  # of a lane, AGPRs included
AGPR = 256


def select(value: Any, keep: Array) -> Any:
    return value[keep] if isinstance(value, np.ndarray) else value


class Registers:
    """A file of 32-bit registers, each an array of one shape ([waves] or [waves, lanes])."""

    def __init__(self, count: int, shape: tuple[int, ...], letter: str, seed: int) -> None:
        self.shape, self.letter = shape, letter
        self.values: list[Array | None] = [None] * count
        self.defined: list[Defined] = [False] * count
        self.seed = seed

    def get(self, n: int, mask: Array | None = None) -> Array:
        """Register `n`. Raises Uninitialised if it was not written where `mask` is true."""
        known = self.defined[n]
        if known is not True:
            self._check(n, known, mask)
        return self.old(n)

    def old(self, n: int) -> Array:
        """Register `n`, junk where it was never written."""
        value = self.values[n]
        if value is None:
            random = np.random.default_rng([self.seed, n, *self.letter.encode()])
            value = random.integers(0, 1 << 32, self.shape, np.uint32)
            self.values[n] = value
        return value

    def put(self, n: int, value: Array, mask: Array | None = None) -> None:
        """Write uint32 `value` (of this shape, or to be repeated to it) where `mask` is true."""
        if mask is not None:
            value = np.where(mask, value, self.old(n))
            if self.defined[n] is not True:
                self.defined[n] = mask | self.defined[n]
        else:
            if value.shape != self.shape or not value.flags.c_contiguous:
                value = np.ascontiguousarray(np.broadcast_to(value, self.shape))
            self.defined[n] = True
        self.values[n] = value

    def _check(self, n: int, known: Defined, mask: Array | None) -> None:
        missing = np.broadcast_to(~np.asarray(known), self.shape)
        if mask is not None:
            missing = missing & mask
        if missing.any():
            at = np.argwhere(missing)[0]
            lane = int(at[1]) if len(at) > 1 else None
            raise Uninitialised(f"{self.letter}{n} is read but never written", int(at[0]), lane)
        if np.all(known):
            self.defined[n] = True

    def take(self, keep: Array, shape: tuple[int, ...]) -> Registers:
        part = Registers(0, shape, self.letter, self.seed)
        part.values = [select(v, keep) for v in self.values]
        part.defined = [select(d, keep) for d in self.defined]
        return part

    def join(self, other: Registers, shape: tuple[int, ...]) -> Registers:
        whole = Registers(len(self.values), shape, self.letter, self.seed)
        for n in range(len(self.values)):
            if self.values[n] is None and other.values[n] is None:
                continue
            whole.values[n] = np.concatenate([self.old(n), other.old(n)])
            both = (self.defined[n], other.defined[n])
            if all(d is True for d in both):
                whole.defined[n] = True
            else:
                whole.defined[n] = np.concatenate(
                    [np.broadcast_to(d, r.shape) for d, r in zip(both, (self, other), strict=True)]
                )
        return whole


class Waves:
    """The waves at instruction number `pc`, in lock step."""

    def __init__(self, ids: Array, lanes: int, seed: int) -> None:
        self.ids, self.lanes, self.pc = ids, lanes, 0
        self.n = len(ids)
        self.v = Registers(VGPRS, (self.n, lanes), "v", seed)
        self.s = Registers(SGPRS, (self.n,), "s", seed)
        self.scc: Array = np.zeros(self.n, np.bool_)
        self.signalled: Array = np.zeros(self.n, np.bool_)
        self._masks: dict[int, tuple[Any, Any, Array]] = {}
        self._active: tuple[Any, Any, Array | None] = (None, None, None)

    def mask(self, n: int) -> Array:
        """Bits of SGPR `n` (and the next, for 64 lanes) as bool [waves, lanes]."""
        low = self.s.get(n)
        high = self.s.get(n + 1) if self.lanes == 64 else None
        kept = self._masks.get(n)
        if kept and kept[0] is low and kept[1] is high:
            return kept[2]
        words = low[:, None] if high is None else np.stack([low, high], -1)
        raw = np.ascontiguousarray(words).view(np.uint8)
        bits = np.unpackbits(raw, axis=-1, bitorder="little").view(np.bool_)
        self._masks[n] = (low, high, bits)
        return bits

    def put_mask(self, n: int, bits: Array) -> None:
        """The reverse of `mask`."""
        bits = np.broadcast_to(bits, (self.n, self.lanes))
        words = np.packbits(bits, axis=-1, bitorder="little").view(np.uint32)
        if n == NULL:
            return
        for k in range(self.lanes // 32):
            self.s.put(n + k, words[:, k])
        high = self.s.values[n + 1] if self.lanes == 64 else None
        self._masks[n] = (self.s.values[n], high, bits)

    def active(self) -> Array | None:
        """exec as bool [waves, lanes]; None if every lane is on."""
        low, high = self.s.values[EXEC], self.s.values[EXEC + 1]
        if self._active[0] is not low or self._active[1] is not high:
            bits = self.mask(EXEC)
            self._active = (low, high, None if bits.all() else bits)
        return self._active[2]

    def lanes_on(self) -> Array:
        return self.mask(EXEC)

    def take(self, keep: Array) -> Waves:
        part = Waves(self.ids[keep], self.lanes, self.v.seed)
        part.v = self.v.take(keep, part.v.shape)
        part.s = self.s.take(keep, part.s.shape)
        part.scc, part.signalled, part.pc = self.scc[keep], self.signalled[keep], self.pc
        return part

    def join(self, other: Waves) -> Waves:
        whole = Waves(np.concatenate([self.ids, other.ids]), self.lanes, self.v.seed)
        whole.v = self.v.join(other.v, whole.v.shape)
        whole.s = self.s.join(other.s, whole.s.shape)
        whole.scc = np.concatenate([self.scc, other.scc])
        whole.signalled = np.concatenate([self.signalled, other.signalled])
        whole.pc = self.pc
        return whole
