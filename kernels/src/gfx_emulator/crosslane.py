"""Vector instructions that move values between lanes or to scalar registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .names import plain
from .operands import Operand, flags, parse, split
from .salu import put
from .state import Waves

Array = npt.NDArray[Any]
Execute = Callable[[Waves], None]


def build(mnemonic: str, text: str) -> Execute | None:
    """None for something else."""
    make = _BUILDERS.get(plain(mnemonic))
    if not make:
        return None
    operands, modifiers = split(text)
    return make([parse(o) for o in operands], modifiers)


def _first_lane(w: Waves) -> Array:
    return np.argmax(w.lanes_on(), axis=1)  # lane 0 if none is on


def _one(w: Waves, index: int, lane: Array) -> Array:
    """Register `index` of one lane per wave, which has to be defined."""
    rows = np.arange(w.n)
    needed = np.zeros((w.n, w.lanes), np.bool_)
    needed[rows, lane] = True
    return w.v.get(index, needed)[rows, lane]


def _lane_of(operand: Operand, w: Waves) -> Array:
    if operand.kind == "s":
        return (w.s.get(operand.index) % w.lanes).astype(np.intp)
    return np.full(w.n, int(operand.value) % w.lanes)


def _readfirstlane(o: list[Operand], _: dict[str, str]) -> Execute:
    if o[1].kind == "s":
        return lambda w: put(w, o[0].index, w.s.get(o[1].index))
    return lambda w: put(w, o[0].index, _one(w, o[1].index, _first_lane(w)))


def _readlane(o: list[Operand], _: dict[str, str]) -> Execute:
    return lambda w: put(w, o[0].index, _one(w, o[1].index, _lane_of(o[2], w)))


def _writelane(o: list[Operand], _: dict[str, str]) -> Execute:
    def execute(w: Waves) -> None:
        mask = np.zeros((w.n, w.lanes), np.bool_)
        mask[np.arange(w.n), _lane_of(o[2], w)] = True
        if o[1].kind == "s":
            value = w.s.get(o[1].index)[:, None]
        else:
            value = np.full((w.n, 1), int(o[1].value) & 0xFFFFFFFF, np.uint32)
        w.v.put(o[0].index, value, mask)

    return execute


def _permlane16(o: list[Operand], modifiers: dict[str, str]) -> Execute:
    return _within_rows(o, modifiers, 0)


def _permlanex16(o: list[Operand], modifiers: dict[str, str]) -> Execute:
    return _within_rows(o, modifiers, 16)


def _within_rows(o: list[Operand], modifiers: dict[str, str], cross: int) -> Execute:
    """Lane i of a row reads the lane that nibble i of two scalars names, of its own row or of the
    other row of 32 lanes."""
    fetch_inactive, bound_control = flags(modifiers.get("op_sel", ""), 0, 2)

    def execute(w: Waves) -> None:
        low, high = (_scalar(w, s).astype(np.uint64) for s in o[2:4])
        lane = np.arange(w.lanes)
        select = low | high << np.uint64(32)
        nibble = select[:, None] >> (4 * (lane & 15)).astype(np.uint64) & np.uint64(15)
        source = ((lane & -16) ^ cross) + nibble.astype(np.intp)
        on = w.lanes_on()
        valid = np.take_along_axis(on, source, axis=1) | bool(fetch_inactive)
        value = np.take_along_axis(w.v.get(o[1].index, on), source, axis=1)
        value = np.where(valid, value, np.uint32(0))
        w.v.put(o[0].index, value, on if bound_control else on & valid)

    return execute


def _scalar(w: Waves, operand: Operand) -> Array:
    if operand.kind == "s":
        return w.s.get(operand.index)
    return np.full(w.n, int(operand.value) & 0xFFFFFFFF, np.uint32)


def _permlane64(o: list[Operand], _: dict[str, str]) -> Execute:
    def execute(w: Waves) -> None:
        value = w.v.get(o[1].index, w.active())
        half = w.lanes // 2 if w.lanes == 64 else 0
        w.v.put(o[0].index, np.roll(value, half, axis=1), w.active())

    return execute


def _swap(o: list[Operand], _: dict[str, str]) -> Execute:
    def execute(w: Waves) -> None:
        mask = w.active()
        one, two = (w.v.get(operand.index, mask) for operand in o)
        w.v.put(o[0].index, two, mask)
        w.v.put(o[1].index, one, mask)

    return execute


def _accvgpr(o: list[Operand], _: dict[str, str]) -> Execute:
    """v_accvgpr_read, _write and _mov: AGPRs are registers like others."""

    def execute(w: Waves) -> None:
        vector = o[1].kind == "v"
        value = w.v.get(o[1].index, w.active()) if vector else _scalar(w, o[1])[:, None]
        w.v.put(o[0].index, value, w.active())

    return execute


_BUILDERS: dict[str, Callable[[list[Operand], dict[str, str]], Execute]] = {
    "v_readfirstlane_b32": _readfirstlane,
    "v_readlane_b32": _readlane,
    "v_writelane_b32": _writelane,
    "v_permlane16_b32": _permlane16,
    "v_permlanex16_b32": _permlanex16,
    "v_permlane64_b32": _permlane64,
    "v_swap_b32": _swap,
    "v_accvgpr_read_b32": _accvgpr,
    "v_accvgpr_write_b32": _accvgpr,
    "v_accvgpr_mov_b32": _accvgpr,
}
