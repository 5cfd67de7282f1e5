"""Scalar arithmetic: one value per wave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from . import names
from .errors import Unsupported
from .operands import Operand, constant_bits, parse, split
from .semantics import DTYPES
from .semantics.scalar import LOGIC
from .state import EXEC, NULL, Waves

Array = npt.NDArray[Any]
Execute = Callable[[Waves], None]
Reader = Callable[[Waves], Array]


def build(mnemonic: str, text: str, literal: int | None) -> Execute:
    """Raises UnknownInstruction, Unsupported."""
    what = names.semantic(mnemonic)
    operands, _ = split(text)
    if literal is not None:  # an address that the linker filled in
        operands[-1] = f"{literal:#x}"
    parsed = [parse(o) for o in operands]
    named = [k for k in what.dst if k != "scc"]
    written, read = parsed[: len(named)], parsed[len(named) :]
    if what.reads_dst:
        read.append(written[0])
    kinds = [k for k in what.src if k != "scc"]
    if len(read) != len(kinds):
        raise Unsupported(f"{mnemonic} with {len(read)} sources")
    readers = iter([reader(o, k) for o, k in zip(read, kinds, strict=True)])
    inputs = [(lambda w: w.scc) if k == "scc" else next(readers) for k in what.src]

    def execute(w: Waves) -> None:
        results = what(*(r(w) for r in inputs))
        places = iter(written)
        for kind, result in zip(what.dst, results, strict=True):
            if kind == "scc":
                w.scc = np.broadcast_to(result, (w.n,))
            else:
                put(w, next(places).index, result)

    return execute


def reader(operand: Operand, kind: str) -> Reader:
    dtype = np.dtype(DTYPES[kind])
    if operand.constant:
        return _constant(operand, kind, dtype)
    n = operand.index
    if operand.kind != "s":
        raise Unsupported(f"{operand.kind}{n} in a scalar instruction")
    if dtype.itemsize == 2:
        return lambda w: w.s.get(n).astype(np.uint16).view(dtype)
    if dtype.itemsize == 8:
        return lambda w: read64(w, n).view(dtype)
    return lambda w: w.s.get(n).view(dtype)


def _constant(operand: Operand, kind: str, dtype: Any) -> Reader:
    bits = constant_bits(operand, kind)
    if kind == "simm16":
        bits = (bits & 0xFFFF) - ((bits & 0x8000) << 1)
    elif kind == "uimm16":
        bits &= 0xFFFF
    size = np.dtype(dtype).itemsize
    unsigned = {2: np.uint16, 4: np.uint32, 8: np.uint64}[size]
    fixed = np.array([bits & ((1 << 8 * size) - 1)], np.uint64).astype(unsigned).view(dtype)
    return lambda w: np.broadcast_to(fixed, (w.n,))


def read64(w: Waves, n: int) -> Array:
    """A pair of registers as uint64 [waves]."""
    if n == NULL:
        return np.zeros(w.n, np.uint64)
    pair = np.stack([w.s.get(n), w.s.get(n + 1)], -1)
    return np.asarray(pair.view(np.uint64)[..., 0])


def put(w: Waves, n: int, result: Array) -> None:
    """Write 16, 32 or 64 bits per wave."""
    if n == NULL:
        return
    result = np.ascontiguousarray(np.broadcast_to(result, (w.n,)))
    if result.dtype.itemsize == 2:
        result = result.view(np.uint16).astype(np.uint32)
    words = result.view(np.uint32).reshape(w.n, -1)
    for k in range(words.shape[1]):
        w.s.put(n + k, words[:, k])


# Of the source and EXEC.
_SAVEEXEC: dict[str, Callable[[Array, Array], Array]] = {
    **LOGIC,
    "andn1": lambda s, e: ~s & e,
    "orn1": lambda s, e: ~s | e,
    "and_not0": lambda s, e: ~s & e,
    "or_not0": lambda s, e: ~s | e,
}


def saveexec(mnemonic: str, text: str) -> Execute | None:
    """s_and_saveexec_b64 and its family, s_andn2_wrexec_b64; None for something else."""
    head, _, kind = mnemonic.removeprefix("s_").rpartition("_")
    operation, _, what = head.rpartition("_")
    if what not in ("saveexec", "wrexec") or operation not in _SAVEEXEC:
        return None
    target, source = (parse(o) for o in split(text)[0])
    read, old = reader(source, kind), reader(Operand("s", EXEC), kind)
    function = _SAVEEXEC[operation]

    def execute(w: Waves) -> None:
        before = old(w)
        after = function(read(w), before)
        put(w, target.index, after if what == "wrexec" else before)
        put(w, EXEC, after)
        w.scc = after != 0

    return execute
