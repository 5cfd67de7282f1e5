"""Readers of operands: a function of the waves that gives an array of the type asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from . import lanes
from .errors import Unsupported
from .operands import Operand, constant_bits, flags
from .semantics import DTYPES
from .state import VCC, Waves

Array = npt.NDArray[Any]
Reader = Callable[[Waves], Array]
Words = Callable[[int], Reader]  # the n-th 32-bit word of an operand

_SIGN = {2: (np.uint16, 0x8000), 4: (np.uint32, 0x80000000), 8: (np.uint64, 1 << 63)}


def vector_words(operand: Operand, modifiers: dict[str, str], place: int) -> Words:
    """Words of a vector instruction's operand, [waves, lanes] or with an axis of length 1."""
    if operand.kind == "s":
        plain: Words = lambda n: _scalar(operand.index + n, bool(n and operand.lenient))  # noqa: E731
    elif operand.kind == "v":
        plain = lambda n: _register(operand.index + n, bool(n and operand.lenient))  # noqa: E731
    else:
        raise Unsupported(f"{operand.kind} as a register")
    select = modifiers.get(f"src{place}_sel", "DWORD")
    if place == 0 and lanes.is_dpp(modifiers):
        return lambda n: _permuted(operand.index + n, modifiers)
    if select != "DWORD" or operand.extend:
        return lambda n: lambda w: lanes.sdwa_read(plain(n)(w), select, operand.extend)
    return plain


def _scalar(n: int, lenient: bool) -> Reader:
    if lenient:
        return lambda w: w.s.old(n)[:, None]
    return lambda w: w.s.get(n)[:, None]


def _register(n: int, lenient: bool) -> Reader:
    if lenient:
        return lambda w: w.v.old(n)
    return lambda w: w.v.get(n, w.active())


def _permuted(index: int, modifiers: dict[str, str]) -> Reader:
    """DPP's operand; `dpp_valid` says in which lanes there is one."""

    def read(w: Waves) -> Array:
        source, _ = lanes.dpp_sources(modifiers, w.lanes)
        valid = dpp_valid(w, modifiers)
        known = np.zeros((w.n, w.lanes), np.bool_)
        rows, columns = np.nonzero(valid & w.lanes_on())
        known[rows, source[columns]] = True
        return np.where(valid, w.v.get(index, known)[:, source], np.uint32(0))

    return read


def dpp_valid(w: Waves, modifiers: dict[str, str]) -> Array:
    source, exists = lanes.dpp_sources(modifiers, w.lanes)
    if modifiers.get("fi") == "1":
        return np.broadcast_to(exists, (w.n, w.lanes))
    return exists & w.lanes_on()[:, source]


def constant(operand: Operand, kind: str) -> Array:
    """A constant's bits as uint32 or, for types of 64 bits, uint64, [1, 1]."""
    bits = constant_bits(operand, kind)
    if kind in ("u64", "i64", "f64", "b64"):
        return np.array([[bits]], np.uint64)
    return np.array([[bits & 0xFFFFFFFF]], np.uint32)


def half(words: Array, high: int) -> Array:
    """One half of each word, uint16."""
    if words.flags.c_contiguous:
        return words.view(np.uint16)[..., high::2]
    return ((words >> np.uint32(16)) if high else words).astype(np.uint16)


def pair(low: Array, high: Array) -> Array:
    low, high = np.broadcast_arrays(low, high)
    return np.stack([low, high], -1).view(np.uint64)[..., 0]


def signed(bits: Array, operand: Operand) -> Array:
    """Apply |x| and -x to unsigned `bits` of a number."""
    kind, sign = _SIGN[bits.itemsize]
    if operand.absolute:
        bits = bits & kind(sign - 1)
    if operand.negate:
        bits = bits ^ kind(sign)
    return bits


def reader(operand: Operand, kind: str, modifiers: dict[str, str], place: int) -> Reader:
    """Operand number `place` of a vector instruction as semantic type `kind`."""
    if kind in ("mask", "vcc"):
        return _mask(operand)
    if kind.startswith("v2"):
        return _packed(operand, kind, modifiers, place)
    if kind in ("iu8x4", "iu4x8"):
        return _fields(operand, kind, modifiers, place)
    if kind == "mix":
        return _mixed(operand, modifiers, place)
    if kind == "f32" and flags(modifiers.get("neg_lo", ""), 0)[place]:
        operand = replace(operand, negate=not operand.negate)
    dtype = np.dtype(DTYPES[kind])
    if operand.constant:
        bits = constant(operand, kind)
        fixed = half(bits, 0) if dtype.itemsize == 2 else bits
        fixed = signed(fixed, operand).view(dtype)
        return lambda w: fixed
    words = vector_words(operand, modifiers, place)
    plain = not (operand.absolute or operand.negate)
    first = words(0)
    if dtype.itemsize == 2:
        high = int(operand.half or flags(modifiers.get("op_sel", ""), 0)[place])
        return lambda w: signed(half(first(w), high), operand).view(dtype)
    if dtype.itemsize == 8:
        second = words(1)
        return lambda w: signed(pair(first(w), second(w)), operand).view(dtype)
    if plain:
        return lambda w: first(w).view(dtype)
    return lambda w: signed(first(w), operand).view(dtype)


def _mask(operand: Operand) -> Reader:
    if operand.kind == "s":
        return lambda w: w.mask(operand.index)
    raise Unsupported("a constant as a mask")


def implied(kind: str) -> Reader:
    """vcc, where the text does not name it."""
    return lambda w: w.mask(VCC)


def _word(operand: Operand, kind: str, modifiers: dict[str, str], place: int) -> Reader:
    if operand.constant:
        fixed = constant(operand, kind)
        return lambda w: fixed
    return vector_words(operand, modifiers, place)(0)


def _packed(operand: Operand, kind: str, modifiers: dict[str, str], place: int) -> Reader:
    low, high = (
        flags(modifiers.get(m, ""), d)[place] for m, d in (("op_sel", 0), ("op_sel_hi", 1))
    )
    negate = [flags(modifiers.get(m, ""), 0)[place] for m in ("neg_lo", "neg_hi")]
    dtype = DTYPES[kind]
    if np.dtype(dtype).itemsize == 4:
        return _packed32(operand, kind, modifiers, place, (low, high), negate)
    word = _word(operand, kind, modifiers, place)
    flip = np.uint32(negate[0] << 15 | negate[1] << 31)

    def read(w: Waves) -> Array:
        bits = word(w)
        if (low, high) == (0, 0):
            bits = (bits & np.uint32(0xFFFF)) * np.uint32(0x10001)
        elif (low, high) == (1, 1):
            bits = (bits >> np.uint32(16)) * np.uint32(0x10001)
        elif (low, high) == (1, 0):
            bits = (bits >> np.uint32(16)) | (bits << np.uint32(16))
        if flip:
            bits = bits ^ flip
        return np.ascontiguousarray(bits).view(dtype).reshape(*bits.shape, 2)

    return read


def _packed32(
    operand: Operand, kind: str, modifiers: dict[str, str], place: int,
    select: tuple[int, int], negate: list[int],
) -> Reader:  # fmt: skip
    if operand.constant:
        bits = constant(operand, "f32")
        words: Words = lambda n: lambda w: bits  # noqa: E731
    else:
        words = vector_words(operand, modifiers, place)
    parts = [words(s) for s in select]
    flips = [np.uint32(n << 31) for n in negate]
    return lambda w: np.stack([p(w) ^ f for p, f in zip(parts, flips, strict=True)], -1).view(
        DTYPES[kind]
    )


def _fields(operand: Operand, kind: str, modifiers: dict[str, str], place: int) -> Reader:
    width = 8 if kind == "iu8x4" else 4
    is_signed = flags(modifiers.get("neg_lo", ""), 0)[place]
    word = _word(operand, "u32", modifiers, place)
    shifts = np.arange(0, 32, width, dtype=np.uint32)

    def read(w: Waves) -> Array:
        fields = (word(w)[..., None] >> shifts & np.uint32((1 << width) - 1)).astype(np.int32)
        return fields - ((fields >> width - 1) << width) if is_signed else fields

    return read


def _mixed(operand: Operand, modifiers: dict[str, str], place: int) -> Reader:
    is_half = flags(modifiers.get("op_sel_hi", ""), 0)[place]
    high = flags(modifiers.get("op_sel", ""), 0)[place]
    word = _word(operand, "f16" if is_half else "f32", modifiers, place)
    if not is_half:
        return lambda w: signed(word(w), operand).view(np.float32)
    return lambda w: signed(half(word(w), high), operand).view(np.float16).astype(np.float32)
