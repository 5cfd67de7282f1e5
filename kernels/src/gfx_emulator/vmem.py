"""Vector loads and stores of global memory: global_*, flat_*, buffer_*."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from . import buffers
from .errors import OutOfBounds, Unsupported
from .machine import Machine
from .operands import Operand, parse, split
from .salu import read64
from .state import Waves
from .transfer import Shape, fault_at, gather, on, shape, spread

Array = npt.NDArray[Any]
Execute = Callable[[Waves], None]
Addresses = Callable[[Waves], Array]

_NAME = re.compile(r"^(global|flat|buffer)_(load|store)_(\w+)$")
# Caching hints, which change no result.
_HINTS = {"glc", "slc", "dlc", "nt", "sc0", "sc1", "th", "scope"}


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
        return buffers.build(match[2] == "load", parsed, modifiers, what, machine)
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


def _load(data: Operand, what: Shape, addresses: Addresses, machine: Machine) -> Execute:
    def execute(w: Waves) -> None:
        mask = w.active()
        at = on(w, addresses(w), mask)
        try:
            words = machine.memory.load(at, what.bytes)
        except OutOfBounds as error:
            raise fault_at(error, mask, w) from None
        machine.traffic.loaded += len(at) * what.bytes
        spread(w, w.v, data.index, words, what, mask)

    return execute


def _store(data: Operand, what: Shape, addresses: Addresses, machine: Machine) -> Execute:
    def execute(w: Waves) -> None:
        mask = w.active()
        at = on(w, addresses(w), mask)
        words = gather(w, data.index, what, mask, data.half or 0)
        try:
            machine.memory.store(at, what.bytes, words)
        except OutOfBounds as error:
            raise fault_at(error, mask, w) from None
        machine.traffic.stored += len(at) * what.bytes

    return execute
