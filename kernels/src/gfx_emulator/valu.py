"""Vector arithmetic: read operands, apply the semantic, write results where exec is on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from . import names
from .destinations import writer
from .errors import Unsupported
from .operands import Operand, flags, parse, split
from .saturate import saturating
from .semantics import Semantic
from .sources import implied, reader
from .state import EXEC, VCC, Defined, Waves

Array = npt.NDArray[Any]
Compute = Callable[[Waves], list[Array]]
Commit = Callable[[Waves, list[Array]], None]
Execute = Callable[[Waves], None]

_TRAITS = {"f16": np.float16, "f32": np.float32, "f64": np.float64}
_OMOD = {"2": 2.0, "4": 4.0}
# On gfx9 these keep the other half of a 16-bit result's register; the others clear it.
_KEEPS_HALF = ("v_mad_", "v_fma_", "v_div_fixup_")
# 64-bit results whose low half depends on the low halves only: the compiler uses them with
# undefined high halves where it needs no more than the low one.
_LOW_FROM_LOW = ("v_mad_u64_u32", "v_mad_co_u64_u32", "v_mad_i64_i32", "v_mad_co_i64_i32",
                 "v_lshlrev_b64", "v_lshl_add_u64")  # fmt: skip
_KNOWN = frozenset((
    "op_sel", "op_sel_hi", "neg_lo", "neg_hi", "clamp", "mul", "div", "quad_perm", "row_shl",
    "row_shr", "row_ror", "row_mirror", "row_half_mirror", "row_share", "row_xmask",
    "row_newbcast", "row_bcast", "wave_shl", "wave_shr", "wave_rol", "wave_ror", "dpp8",
    "row_mask", "bank_mask", "bound_ctrl", "fi", "src0_sel", "src1_sel", "dst_sel", "dst_unused",
))  # fmt: skip


def build(mnemonic: str, text: str, gfx9: bool) -> Execute:
    """Raises UnknownInstruction, Unsupported."""
    if " :: " in text:
        return _dual(mnemonic, text, gfx9)
    compute, commit = _halves(mnemonic, text, gfx9)
    if mnemonic.startswith(_LOW_FROM_LOW):
        return _high_as_known(text, compute, commit)
    return lambda w: commit(w, compute(w))


def _high_as_known(text: str, compute: Compute, commit: Commit) -> Execute:
    """Where a source's high half is undefined, the result's is, and the low one is not."""
    operands = [parse(o) for o in split(text)[0]]
    sources = operands[2:] if text.count(",") == 4 else operands[1:]  # v_mad has a carry out
    places = [(o.kind, o.index + 1) for o in sources if o.count == 2]
    target = operands[0].index + 1

    def execute(w: Waves) -> None:
        known = [w.v.defined[n] if kind == "v" else _column(w.s.defined[n]) for kind, n in places]
        before = w.v.defined[target]
        commit(w, compute(w))
        if any(k is not True for k in known):
            on = w.lanes_on()
            new = np.logical_and.reduce([np.broadcast_to(k, on.shape) for k in known])
            w.v.defined[target] = np.where(on, new, before)

    return execute


def _column(known: Defined) -> Defined:
    return known[:, None] if isinstance(known, np.ndarray) else known


def _dual(mnemonic: str, text: str, gfx9: bool) -> Execute:
    """Two instructions in one, which both read before either writes."""
    first, second = text.split(" :: ")
    other, _, rest = second.strip().partition(" ")
    x, y = (
        _halves(name.replace("v_dual_", "v_"), operands, gfx9)
        for name, operands in ((mnemonic, first), (other, rest))
    )

    def execute(w: Waves) -> None:
        results = x[0](w), y[0](w)
        x[1](w, results[0])
        y[1](w, results[1])

    return execute


def _halves(mnemonic: str, text: str, gfx9: bool) -> tuple[Compute, Commit]:
    what = names.semantic(mnemonic)
    operands, modifiers = split(text)
    if strange := modifiers.keys() - _KNOWN:
        raise Unsupported(f"modifier {sorted(strange)[0]} of {mnemonic}")
    parsed = [parse(o) for o in operands]
    if mnemonic.startswith("v_cmpx_") and len(parsed) == len(what.src):
        parsed.insert(0, Operand("s", EXEC))
    written, read = parsed[: len(what.dst)], parsed[len(what.dst) :]
    compute = _compute(mnemonic, what, read, written, modifiers)
    keep = not gfx9 or mnemonic.startswith(_KEEPS_HALF)
    writers = [
        writer(o, kind, modifiers, len(read), keep)
        for o, kind in zip(written, what.dst, strict=True)
    ]
    if mnemonic.startswith("v_cmpx_") and written[0].index != EXEC:
        writers = [_both(writers[0], writer(Operand("s", EXEC), "mask", {}, 0, keep))]

    def commit(w: Waves, results: list[Array]) -> None:
        for write, result in zip(writers, results, strict=True):
            write(w, result)

    return compute, commit


def _both(one: Callable[..., None], two: Callable[..., None]) -> Callable[[Waves, Array], None]:
    def write(w: Waves, result: Array) -> None:
        on = w.lanes_on()
        one(w, result & on)
        two(w, result & on)

    return write


def _compute(
    mnemonic: str, what: Semantic, read: list[Operand], written: list[Operand],
    modifiers: dict[str, str],
) -> Compute:  # fmt: skip
    kinds = list(what.src)
    operands = [*read, written[0]] if what.reads_dst else list(read)
    if kinds and kinds[-1] == "mask" and len(operands) == len(kinds) - 1:
        operands.append(Operand("s", VCC))  # v_dual_cndmask_b32 does not name it
    explicit = [k for k in kinds if k != "vcc"]
    if len(explicit) != len(operands):
        raise Unsupported(f"{mnemonic} with {len(operands)} operands")
    if mnemonic.startswith(_LOW_FROM_LOW):
        operands = [replace(o, lenient=o.count == 2) for o in operands]
    readers = [
        reader(o, k, modifiers if n < len(read) else _of_destination(modifiers, len(read)), n)
        for n, (o, k) in enumerate(zip(operands, explicit, strict=True))
    ]
    readers += [implied(k) for k in kinds if k == "vcc"]
    if "clamp" in modifiers and (saturated := saturating(mnemonic, what)):
        what, modifiers = saturated, {m: v for m, v in modifiers.items() if m != "clamp"}
    finish = _finisher(what.dst[0], modifiers)
    whole = mnemonic.startswith("v_mbcnt")

    def compute(w: Waves) -> list[Array]:
        sources = [r(w) for r in readers]
        if whole:
            sources = [np.broadcast_to(s, (w.n, w.lanes)) for s in sources]
        results = list(what(*sources))
        if finish:
            results[0] = finish(results[0])
        return results

    return compute


def _of_destination(modifiers: dict[str, str], place: int) -> dict[str, str]:
    """For the destination read as a last source: never permuted, its own half."""
    bits = flags(modifiers.get("op_sel", ""), 0)
    return {"op_sel": str([*bits[:place], bits[place]])} if "op_sel" in modifiers else {}


def _finisher(kind: str, modifiers: dict[str, str]) -> Callable[[Array], Array] | None:
    """omod, then clamp."""
    factor = 0.5 if "div" in modifiers else _OMOD.get(modifiers.get("mul", ""), 1.0)
    clamp = "clamp" in modifiers
    if factor == 1.0 and not clamp:
        return None
    base = kind.removeprefix("v2")
    if base not in _TRAITS:
        raise Unsupported(f"clamp of a result of type {kind}")
    number: Any = _TRAITS[base]

    def finish(result: Array) -> Array:
        result = result * number(factor)
        if clamp:
            result = np.where(np.isnan(result), number(0), np.clip(result, number(0), number(1)))
        return result

    return finish
