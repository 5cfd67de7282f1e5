"""The ds_* instructions: loads and stores of LDS, and what moves values between lanes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import EmulationError, Unsupported
from .lanes import swizzled
from .machine import Machine
from .operands import parse, split
from .state import Waves
from .transfer import Shape, fault_at, gather, shape, spread

Array = npt.NDArray[Any]
Execute = Callable[[Waves], None]

_NAME = re.compile(r"^ds_(read|load|write|store)(?:_)?(2addr_stride64|2addr|2st64|2)?_(\w+)$")
_WRAP = 0xFFFFFFFF


def build(mnemonic: str, text: str, machine: Machine) -> Execute | None:
    """None for something else."""
    if mnemonic == "ds_swizzle_b32":
        return _swizzle(text)
    if mnemonic in ("ds_bpermute_b32", "ds_permute_b32"):
        return _permute(text, forward=mnemonic == "ds_permute_b32")
    match = _NAME.match(mnemonic)
    if not match:
        return None
    what = shape(_renamed(match[3]))
    if not what:
        raise Unsupported(mnemonic)
    operands, modifiers = split(text)
    if strange := modifiers.keys() - {"offset", "offset0", "offset1"}:
        raise Unsupported(f"modifier {sorted(strange)[0]} of {mnemonic}")
    parsed = [parse(o) for o in operands]
    if match[2]:
        scale = what.bytes * (64 if "64" in match[2] else 1)
        offsets = [int(modifiers.get(f"offset{n}", "0"), 0) * scale for n in (0, 1)]
    else:
        offsets = [int(modifiers.get("offset", "0"), 0)]
    if match[1] in ("read", "load"):
        return _load(parsed[0].index, parsed[1].index, what, offsets, machine)
    data = [(p.index, p.half or 0) for p in parsed[1:]]
    return _store(data, parsed[0].index, what, offsets, machine)


def _renamed(name: str) -> str:
    """ds_read_u8_d16_hi is ds_load_d16_hi_u8 elsewhere; ds_write_b16_d16_hi likewise."""
    base, mark, rest = name.partition("_d16")
    return f"d16{rest}_{base}" if mark else name


def _accesses(w: Waves, index: int, machine: Machine) -> tuple[Array, Array, Array, Array | None]:
    """Per active lane: work-group, wave of it, address; and which lanes those are.

    The address is 32 bits wide: register plus offset wraps around.
    """
    mask = w.active()
    address = w.v.get(index, mask).astype(np.int64)
    rows = np.broadcast_to(np.arange(w.n)[:, None], address.shape)
    on = slice(None) if mask is None else mask
    ids = w.ids[rows[on].reshape(-1)]
    return machine.group[ids], machine.wave[ids], address[on].reshape(-1), mask


def _load(target: int, index: int, what: Shape, offsets: list[int], machine: Machine) -> Execute:
    def execute(w: Waves) -> None:
        group, wave, address, mask = _accesses(w, index, machine)
        for n, offset in enumerate(offsets):
            try:
                words = machine.lds.load(group, wave, (address + offset) & _WRAP, what.bytes)
            except EmulationError as error:
                raise fault_at(error, mask, w) from None
            spread(w, w.v, target + n * max(1, what.bytes // 4), words, what, mask)

    return execute


def _store(
    data: list[tuple[int, int]], index: int, what: Shape, offsets: list[int], machine: Machine
) -> Execute:
    def execute(w: Waves) -> None:
        group, wave, address, mask = _accesses(w, index, machine)
        for (register, high), offset in zip(data, offsets, strict=True):
            words = gather(w, register, what, mask, high)
            try:
                machine.lds.store(group, wave, (address + offset) & _WRAP, what.bytes, words)
            except EmulationError as error:
                raise fault_at(error, mask, w) from None

    return execute


def _swizzle(text: str) -> Execute:
    operands, modifiers = split(text)
    target, source = (parse(o) for o in operands)

    def execute(w: Waves) -> None:
        lanes, _ = swizzled(modifiers.get("offset", "0"), w.lanes)
        on = w.lanes_on()
        value = w.v.get(source.index, w.active())[:, lanes]
        w.v.put(target.index, np.where(on[:, lanes], value, np.uint32(0)), w.active())

    return execute


def _permute(text: str, forward: bool) -> Execute:
    operands, modifiers = split(text)
    target, address, data = (parse(o) for o in operands)
    offset = int(modifiers.get("offset", "0"), 0)
    if forward and offset:
        raise Unsupported("ds_permute_b32 with an offset")

    def execute(w: Waves) -> None:
        mask, on = w.active(), w.lanes_on()
        lane = (w.v.get(address.index, mask).astype(np.intp) + offset) // 4 % w.lanes
        value = np.where(on, w.v.get(data.index, mask), np.uint32(0))
        if forward:
            moved = np.zeros_like(value)
            rows, columns = np.nonzero(on)
            moved[rows, lane[rows, columns]] = value[rows, columns]
        else:
            moved = np.take_along_axis(value, lane, axis=1)
        w.v.put(target.index, moved, mask)

    return execute
