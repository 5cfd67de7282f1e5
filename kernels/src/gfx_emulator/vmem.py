"""Loads and stores of global memory: global_*, flat_*, buffer_* and the scalar s_load_*."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import names
from .errors import EmulationError, OutOfBounds, Unsupported
from .machine import Machine
from .operands import Operand, parse, split
from .salu import put, read64
from .state import Registers, Waves

Array = npt.NDArray[Any]
Execute = Callable[[Waves], None]
Addresses = Callable[[Waves], Array]

_NAME = re.compile(r"^(global|flat|buffer)_(load|store)_(\w+)$")
_SCALAR = re.compile(r"^s_(load|buffer_load)_(\w+)$")
_BYTES = {
    "b8": 1, "u8": 1, "i8": 1, "b16": 2, "u16": 2, "i16": 2, "b32": 4, "b64": 8, "b96": 12,
    "b128": 16, "b256": 32, "b512": 64,
}  # fmt: skip
# Caching hints, which change no result.
_HINTS = {"glc", "slc", "dlc", "nt", "sc0", "sc1", "th", "scope"}


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


def build(mnemonic: str, text: str, machine: Machine) -> Execute | None:
    """None for something else. Raises Unsupported."""
    match = _NAME.match(mnemonic)
    what = shape(match[3]) if match else None
    if not match or not what:
        return None
    operands, modifiers = split(text)
    allowed = {"offset", *_HINTS} | ({"offen", "idxen"} if match[1] == "buffer" else set())
    if strange := modifiers.keys() - allowed:
        raise Unsupported(f"modifier {sorted(strange)[0]} of {mnemonic}")
    parsed = [parse(o) for o in operands]
    offset = int(modifiers.get("offset", "0"), 0)
    if match[1] == "buffer":
        at, data = _buffer(parsed[1:], modifiers, offset), parsed[0]
        return _buffered(match[2] == "load", data, what, at, machine)
    is_load = match[2] == "load"
    data, address = (parsed[0], parsed[1]) if is_load else (parsed[1], parsed[0])
    base = parsed[2] if len(parsed) > 2 else Operand("off")
    addresses = _addresses(address, base, offset)
    return (
        _load(data, what, addresses, machine) if is_load else _store(data, what, addresses, machine)
    )


def _addresses(address: Operand, base: Operand, offset: int) -> Addresses:
    """uint64 [waves, lanes]."""
    shift = np.array(offset, np.int64).view(np.uint64)
    if base.kind == "s":
        return lambda w: (
            w.v.get(address.index, w.active()).astype(np.uint64)
            + (read64(w, base.index) + shift)[:, None]
        )
    if address.kind != "v":
        raise Unsupported("an address without a vector register")

    def full(w: Waves) -> Array:
        mask = w.active()
        low, high = (w.v.get(address.index + n, mask) for n in (0, 1))
        return np.stack([low, high], -1).view(np.uint64)[..., 0] + shift

    return full


def _on(w: Waves, values: Array, mask: Array | None) -> Array:
    return values.reshape(w.n * w.lanes, *values.shape[2:]) if mask is None else values[mask]


def fault_at(error: EmulationError, mask: Array | None, w: Waves) -> EmulationError:
    """Turn the number of an access among the active lanes into wave and lane."""
    flat = error.row if mask is None else int(np.flatnonzero(mask)[error.row])
    error.row, error.lane = divmod(flat, w.lanes)
    return error


def _load(data: Operand, what: Shape, addresses: Addresses, machine: Machine) -> Execute:
    def execute(w: Waves) -> None:
        mask = w.active()
        at = _on(w, addresses(w), mask)
        try:
            words = machine.memory.load(at, what.bytes)
        except OutOfBounds as error:
            raise fault_at(error, mask, w) from None
        machine.traffic.loaded += len(at) * what.bytes
        spread(w, w.v, data.index, words, what, mask)

    return execute


def spread(
    w: Waves, registers: Registers, index: int, words: Array, what: Shape, mask: Array | None
) -> None:
    """Write what was loaded, [active lanes, words], to the registers from `index` on."""
    if what.signed:
        kind = np.int8 if what.bytes == 1 else np.int16
        words = words.astype(kind).astype(np.int32).view(np.uint32)
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
    words = [_on(w, w.v.get(index + n, mask), mask) for n in range(count)]
    if what.half or high:
        words = [words[0] >> np.uint32(16)]
    return np.stack(words, -1)


def _store(data: Operand, what: Shape, addresses: Addresses, machine: Machine) -> Execute:
    def execute(w: Waves) -> None:
        mask = w.active()
        at = _on(w, addresses(w), mask)
        words = gather(w, data.index, what, mask, data.half or 0)
        try:
            machine.memory.store(at, what.bytes, words)
        except OutOfBounds as error:
            raise fault_at(error, mask, w) from None
        machine.traffic.stored += len(at) * what.bytes

    return execute


def _buffer(
    operands: list[Operand], modifiers: dict[str, str], offset: int
) -> Callable[[Waves], tuple[Array, Array]]:
    """Addresses and, per lane, whether it is inside of the buffer that four SGPRs describe."""
    if "idxen" in modifiers or len(operands) != 3:
        raise Unsupported("structured buffers")
    index, resource, extra = operands

    def locate(w: Waves) -> tuple[Array, Array]:
        words = [w.s.get(resource.index + n) for n in range(4)]
        if (words[1] >> np.uint32(16) & np.uint32(0x3FFF)).any():
            raise Unsupported("buffers with a stride")
        base = words[0].astype(np.uint64) | (words[1].astype(np.uint64) & 0xFFFF) << np.uint64(32)
        scalar = w.s.get(extra.index) if extra.kind == "s" else np.full(w.n, int(extra.value))
        within = np.full((w.n, w.lanes), offset, np.uint64)
        if "offen" in modifiers:
            within = within + w.v.get(index.index, w.active())
        total = within + scalar.astype(np.uint64)[:, None]
        return base[:, None] + total, words[2].astype(np.uint64)[:, None] - total

    return locate


def _buffered(
    is_load: bool, data: Operand, what: Shape,
    locate: Callable[[Waves], tuple[Array, Array]], machine: Machine,
) -> Execute:  # fmt: skip
    """A lane outside of its buffer loads zeros and stores nothing."""

    def execute(w: Waves) -> None:
        addresses, left = locate(w)
        inside = (left.view(np.int64) >= what.bytes) & w.lanes_on()
        try:
            if is_load:
                words = np.zeros((w.n, w.lanes, max(1, what.bytes // 4)), np.uint32)
                words[inside] = machine.memory.load(addresses[inside], what.bytes)
                spread(w, w.v, data.index, _on(w, words, w.active()), what, w.active())
            else:
                some = gather(w, data.index, what, inside, data.half or 0)
                machine.memory.store(addresses[inside], what.bytes, some)
        except OutOfBounds as error:
            raise fault_at(error, inside, w) from None
        count = int(inside.sum()) * what.bytes
        machine.traffic.loaded += count * is_load
        machine.traffic.stored += count * (not is_load)

    return execute


def scalar(mnemonic: str, text: str, machine: Machine) -> Execute | None:
    """s_load_*, s_buffer_load_*; None for something else."""
    match = _SCALAR.match(mnemonic)
    what = shape(match[2]) if match else None
    if not match or not what:
        return None
    operands, modifiers = split(text)
    target, base, *offsets = (parse(o) for o in operands)
    immediate = int(modifiers.get("offset", "0"), 0)
    is_buffer = match[1] == "buffer_load"

    def execute(w: Waves) -> None:
        at = read64(w, base.index)
        offset = np.full(w.n, immediate, np.int64)
        for o in offsets:
            offset += w.s.get(o.index).astype(np.int64) if o.kind == "s" else int(o.value)
        if is_buffer:
            at = at & np.uint64(0xFFFFFFFFFFFF)
            if (offset + what.bytes > w.s.get(base.index + 2)).any():
                raise OutOfBounds("s_buffer_load past the end of its buffer")
        at = at + offset.view(np.uint64)
        if what.bytes >= 4:
            at = at & np.uint64(0xFFFFFFFFFFFFFFFC)
        words = machine.memory.load(at, what.bytes)
        if what.signed:
            kind = np.int8 if what.bytes == 1 else np.int16
            words = words.astype(kind).astype(np.int32).view(np.uint32)
        for n in range(words.shape[1]):
            put(w, target.index + n, words[:, n])

    return execute
