"""What one instruction computes: its operand types and a pure function of NumPy arrays.

Type names and what an array of each is:

* ``u32 i32 f32 u16 i16 f16 u64 i64 f64``: NumPy's type of that name; ``b16 b32 b64`` are plain
  bits, unsigned. ``bf16`` is its raw bits in uint16.
* ``v2f16 v2i16 v2u16 v2bf16 v2f32 v2b32``: packed, a last axis of length 2, low half first.
* ``iu8x4 iu4x8``: packed integers widened to int32, a last axis of length 4 or 8; the
  instruction's neg_lo bits say whether they are signed.
* ``mask``: one bool per lane, an operand of the instruction. ``vcc`` and ``scc`` are the same and
  one bool per wave, but implied: the instruction's text does not show them.
* ``mix``: float32, read as float32 or from half a register (v_fma_mix_f32).
* ``f16.lo f16.hi``: a result that replaces only that half of its register.
* ``simm16 uimm16``: a 16-bit immediate, widened to 32 bits with or without its sign.

Vector instructions take and give arrays [waves, lanes], scalar ones [waves].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

DTYPES: dict[str, Any] = {
    "u16": np.uint16, "i16": np.int16, "f16": np.float16, "b16": np.uint16, "bf16": np.uint16,
    "u32": np.uint32, "i32": np.int32, "f32": np.float32, "b32": np.uint32,
    "u64": np.uint64, "i64": np.int64, "f64": np.float64, "b64": np.uint64,
    "v2f16": np.float16, "v2i16": np.int16, "v2u16": np.uint16, "v2bf16": np.uint16,
    "v2f32": np.float32, "v2b32": np.uint32, "iu8x4": np.int32, "iu4x8": np.int32,
    "mask": np.bool_, "vcc": np.bool_, "scc": np.bool_, "mix": np.float32,
    "f16.lo": np.float16, "f16.hi": np.float16, "simm16": np.int32, "uimm16": np.uint32,
}  # fmt: skip


class Semantic(NamedTuple):
    """`fn` takes one array per `src` and returns one per `dst` (a tuple if there are several).

    `reads_dst`: the last of `src` is the first destination's old value, not an operand of its own.
    """

    dst: tuple[str, ...]
    src: tuple[str, ...]
    fn: Callable[..., Any]
    reads_dst: bool = False

    def __call__(self, *sources: Array) -> tuple[Array, ...]:
        result = self.fn(*sources)
        return result if isinstance(result, tuple) else (result,)


class Table(dict[str, Semantic]):
    """Mnemonic, without the suffix of its encoding, to Semantic."""

    def put(
        self, names: str, dst: str, src: str, fn: Callable[..., Any], reads_dst: bool = False
    ) -> None:
        """Enter `names` (one instruction may have several, by target). Raises on a second entry."""
        for name in names.split():
            if name in self:
                raise ValueError(f"{name} is in the table already")
            self[name] = Semantic(tuple(dst.split()), tuple(src.split()), fn, reads_dst)

    def include(self, other: Table) -> None:
        twice = self.keys() & other.keys()
        if twice:
            raise ValueError(f"{sorted(twice)} are in the table already")
        self.update(other)
