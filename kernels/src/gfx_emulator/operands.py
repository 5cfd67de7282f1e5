"""Operands as LLVM writes them: registers, constants, sign modifiers, and what follows them."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

import numpy as np

from .errors import Unsupported
from .state import AGPR, EXEC, M0, NULL, TTMP, VCC

_NAMED = {
    "vcc": VCC, "vcc_lo": VCC, "vcc_hi": VCC + 1, "exec": EXEC, "exec_lo": EXEC,
    "exec_hi": EXEC + 1, "m0": M0, "null": NULL,
}  # fmt: skip
_REGISTER = re.compile(r"^(v|s|a|ttmp)(?:(\d+)|\[(\d+)(?::(\d+))?\])(\.l|\.h)?$")
_BASES = {"v": ("v", 0), "a": ("v", AGPR), "s": ("s", 0), "ttmp": ("s", TTMP)}
_INTEGER = re.compile(r"^-?(0x[0-9a-f]+|\d+)$")
_FLOAT = re.compile(r"^-?\d+\.\d+(e[+-]?\d+)?$")
_WRAPPED = re.compile(r"^(neg|abs|sext|lit|lit64)\((.*)\)$")


@dataclass(frozen=True)
class Operand:
    kind: str  # "v" vector register, "s" scalar register, "i" integer, "f" float, "off"
    index: int = 0
    value: float | int = 0
    half: int | None = None  # 1 for v0.h
    negate: bool = False
    absolute: bool = False
    extend: bool = False  # SDWA's sext
    literal: bool = False  # in the instruction's own last word, not an inline constant
    count: int = 1
    lenient: bool = False  # its second register may be undefined

    @property
    def constant(self) -> bool:
        return self.kind in "if"


def split(text: str) -> tuple[list[str], dict[str, str]]:
    """Operands, and the modifiers after them: `off offset:16 nt` has {"offset": "16", "nt": ""}."""
    parts, depth, start = [], 0, 0
    for n, letter in enumerate(text):
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and depth == 0:
            parts.append(text[start:n].strip())
            start = n + 1
    last = _words(text[start:])
    operands = parts + last[:1]
    modifiers = last[1:]
    if operands and _is_modifier(operands[-1]):
        modifiers.insert(0, operands.pop())
    return operands, dict(_pair(m) for m in modifiers)


def _words(text: str) -> list[str]:
    return re.findall(r"(?:\[[^\]]*\]|\([^)]*\)|\S)+", text)


def _is_modifier(word: str) -> bool:
    return ":" in word.split("[")[0] or ":[" in word


def _pair(modifier: str) -> tuple[str, str]:
    name, _, value = modifier.partition(":")
    return name, value


def flags(value: str, default: int, count: int = 4) -> list[int]:
    """A list of bits such as op_sel's "[0,1]", lengthened with `default`."""
    bits = [int(b) for b in value.strip("[]").split(",")] if value else []
    return bits + [default] * (count - len(bits))


def parse(text: str) -> Operand:
    """One operand. Raises Unsupported for one that is not known."""
    negate = absolute = extend = literal = False
    text = text.strip()
    if text.startswith("-") and not (_INTEGER.match(text) or _FLOAT.match(text)):
        negate, text = True, text[1:]
    if text.startswith("|"):
        absolute, text = True, text.strip("|")
    while match := _WRAPPED.match(text):
        negate |= match[1] == "neg"
        absolute |= match[1] == "abs"
        extend |= match[1] == "sext"
        literal |= match[1].startswith("lit")
        text = match[2]
    about = {"negate": negate, "absolute": absolute, "extend": extend}
    if text in _NAMED:
        return Operand("s", _NAMED[text], **about)
    if match := _REGISTER.match(text):
        letter, base = _BASES[match[1]]
        first = int(match[2] or match[3])
        half = {"": None, ".l": 0, ".h": 1}[match[5] or ""]
        count = int(match[4] or first) - first + 1
        return Operand(letter, base + first, half=half, count=count, **about)
    if _INTEGER.match(text):
        value = int(text, 0)
        literal |= text.startswith("0x") or not -16 <= value <= 64
        return Operand("i", value=value, literal=literal, **about)
    if _FLOAT.match(text):
        return Operand("f", value=float(text), **about)
    if text == "off":
        return Operand("off")
    raise Unsupported(f"operand {text}")


def float_bits(value: float, kind: str) -> int:
    """The bits of a float constant in an operand of type `kind`."""
    if kind in ("f16", "v2f16", "b16", "u16", "i16"):
        return int(np.float16(value).view(np.uint16))
    if kind in ("bf16", "v2bf16"):
        return int(np.float32(value).view(np.uint32)) >> 16
    if kind in ("f64", "u64", "i64", "b64"):
        return int(struct.unpack("<Q", struct.pack("<d", value))[0])
    return int(np.float32(value).view(np.uint32))


def constant_bits(operand: Operand, kind: str) -> int:
    """The bits that a constant stands for in an operand of type `kind`, 64 of them."""
    if operand.kind == "f":
        return float_bits(float(operand.value), kind)
    value = int(operand.value)
    if kind == "f64" and operand.literal and 0 <= value < 1 << 32:
        value <<= 32  # a literal is the high half of a double
    return value & 0xFFFFFFFFFFFFFFFF
