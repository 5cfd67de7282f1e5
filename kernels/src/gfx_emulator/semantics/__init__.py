"""What the instructions compute: TABLE, by mnemonic without the suffix of its encoding.

Memory, control flow, exec, and what moves values between lanes is not here: those need the
machine's state. An instruction that is in neither place is unknown, which is an error.
"""

from __future__ import annotations

from . import (
    compare,
    packed,
    scalar,
    scalar_float,
    transcendental,
    vector_convert,
    vector_float,
    vector_integer,
)
from .semantic import DTYPES, Array, Semantic, Table

__all__ = ["DTYPES", "TABLE", "Array", "Semantic", "Table"]

TABLE = Table()
for _part in (
    vector_float,
    vector_integer,
    vector_convert,
    transcendental,
    packed,
    compare,
    scalar,
    scalar_float,
):
    TABLE.include(_part.OPS)
