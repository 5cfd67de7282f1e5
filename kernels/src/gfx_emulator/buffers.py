"""buffer_load_* and buffer_store_* of raw buffers, which four SGPRs describe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import OutOfBounds, Unsupported
from .machine import Machine
from .operands import Operand
from .state import Waves
from .transfer import Shape, fault_at, gather, on, spread

Array = npt.NDArray[Any]
Execute = Callable[[Waves], None]


def build(
    is_load: bool, operands: list[Operand], modifiers: dict[str, str], what: Shape, machine: Machine
) -> Execute:
    """Raises Unsupported for structured buffers."""
    offset = int(modifiers.get("offset", "0"), 0)
    locate = _buffer(operands[1:], modifiers, offset)
    return _access(is_load, operands[0], what, locate, machine)


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


def _access(
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
                spread(w, w.v, data.index, on(w, words, w.active()), what, w.active())
            else:
                some = gather(w, data.index, what, inside, data.half or 0)
                machine.memory.store(addresses[inside], what.bytes, some)
        except OutOfBounds as error:
            raise fault_at(error, inside, w) from None
        count = int(inside.sum()) * what.bytes
        machine.traffic.loaded += count * is_load
        machine.traffic.stored += count * (not is_load)

    return execute
