"""Scalar loads: s_load_* and s_buffer_load_*."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from .errors import OutOfBounds
from .machine import Machine
from .operands import parse, split
from .salu import put, read64
from .state import Waves
from .transfer import extended, shape

Execute = Callable[[Waves], None]
_SCALAR = re.compile(r"^s_(load|buffer_load)_(\w+)$")


def build(mnemonic: str, text: str, machine: Machine) -> Execute | None:
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
        words = extended(words, what)
        for n in range(words.shape[1]):
            put(w, target.index + n, words[:, n])

    return execute
