"""Mnemonics without what only says how they are encoded."""

from __future__ import annotations

import re

from .errors import UnknownInstruction
from .semantics import TABLE, Semantic

_ENCODING = re.compile(r"(_e64_dpp|_e32_dpp|_e32|_e64|_dpp8|_dpp16|_dpp|_sdwa)$")

# The same instruction under the names of several generations.
_WIDTHS = {
    "ubyte": "u8", "sbyte": "i8", "ushort": "u16", "sshort": "i16", "dword": "b32",
    "dwordx2": "b64", "dwordx3": "b96", "dwordx4": "b128", "dwordx8": "b256", "dwordx16": "b512",
    "byte": "b8", "short": "b16",
    "ubyte_d16": "d16_u8", "ubyte_d16_hi": "d16_hi_u8", "sbyte_d16": "d16_i8",
    "sbyte_d16_hi": "d16_hi_i8", "short_d16": "d16_b16", "short_d16_hi": "d16_hi_b16",
    "byte_d16_hi": "d16_hi_b8",
}  # fmt: skip


def plain(mnemonic: str) -> str:
    """Without the suffix of its encoding."""
    return _ENCODING.sub("", mnemonic)


def width(name: str) -> str:
    """The end of a memory instruction's name, as gfx11 has it: "dwordx4" is "b128"."""
    return _WIDTHS.get(name, name)


def semantic(mnemonic: str) -> Semantic:
    """What it computes. Raises UnknownInstruction."""
    for name in (mnemonic, plain(mnemonic)):
        if name in TABLE:
            return TABLE[name]
    raise UnknownInstruction(f"unknown instruction {mnemonic}")
