"""Where results of vector instructions go: registers where exec is on, halves, bytes, masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from . import lanes
from .operands import Operand, flags
from .sources import dpp_valid
from .state import Waves

Array = npt.NDArray[Any]


def writer(
    operand: Operand, kind: str, modifiers: dict[str, str], place: int, keep: bool
) -> Callable[[Waves, Array], None]:
    if kind == "mask":
        return lambda w, bits: w.put_mask(operand.index, bits & w.lanes_on())
    if operand.kind == "s":
        return _scalar_writer(operand)
    half = operand.half
    if kind in ("f16.lo", "f16.hi"):
        half = int(kind == "f16.hi")
    elif half is None and "op_sel" in modifiers and _bits16(kind):
        half = flags(modifiers["op_sel"], 0)[place] or (0 if keep else None)
        half = flags(modifiers["op_sel"], 0)[place] or half
    elif half is None and keep and _bits16(kind):
        half = 0
    return lambda w, result: _write(w, operand.index, result, half, modifiers)


def _bits16(kind: str) -> bool:
    return kind in ("u16", "i16", "f16", "b16", "bf16")


def _scalar_writer(operand: Operand) -> Callable[[Waves, Array], None]:
    """gfx12's v_s_rcp_f32 and the like."""
    return lambda w, result: w.s.put(
        operand.index, np.broadcast_to(words_of(result)[..., 0], (w.n, 1))[:, 0]
    )


def words_of(result: Array) -> Array:
    """A result's bits as uint32 [..., words]."""
    if result.dtype.itemsize == 2 and result.ndim == 2:
        return result.view(np.uint16).astype(np.uint32)[..., None]
    if result.dtype.itemsize == 2:
        return np.ascontiguousarray(result).view(np.uint32)
    if result.dtype.itemsize == 4 and result.ndim == 2:
        return result.view(np.uint32)[..., None]
    if result.ndim == 2:
        result = result[..., None]
    return np.ascontiguousarray(result).view(np.uint32)


def _write(
    w: Waves, index: int, result: Array, half: int | None, modifiers: dict[str, str]
) -> None:
    words, mask = words_of(result), _mask(w, modifiers)
    for n in range(words.shape[-1]):
        value = words[..., n]
        if modifiers.get("dst_sel", "DWORD") != "DWORD":
            old = w.v.old(index)
            value = lanes.sdwa_write(old, value, modifiers["dst_sel"], modifiers["dst_unused"])
        elif half is not None:
            old = w.v.old(index)
            value = (old & 0xFFFF) | value << 16 if half else (old & 0xFFFF0000) | value
        w.v.put(index + n, value, mask)


def _mask(w: Waves, modifiers: dict[str, str]) -> Array | None:
    if not lanes.is_dpp(modifiers):
        return w.active()
    mask = w.lanes_on() & lanes.dpp_enabled(modifiers, w.lanes)
    if modifiers.get("bound_ctrl", "0") == "0" and "dpp8" not in modifiers:
        mask = mask & dpp_valid(w, modifiers)
    return mask
