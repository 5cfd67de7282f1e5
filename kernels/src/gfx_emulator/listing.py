"""LLVM's listing (`clang -cc1as -show-encoding`), checked byte by byte against the machine code."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from .errors import ListingMismatch

_ENCODED = re.compile(r"^\s*(\S.*?)\s*; encoding: \[(.*)\]\s*$")
_LABEL = re.compile(r"^([\w.$]+):")
_NOP, _CODE_END = 0xBF800000, 0xBF9F0000  # what the assembler fills gaps with
_BRANCHES = ("s_branch", "s_cbranch_", "s_call_b64")


@dataclass(frozen=True)
class Instruction:
    pc: int  # bytes from the start of .text
    size: int
    mnemonic: str
    operands: str  # the text behind the mnemonic
    target: int | None = None  # of a branch, bytes from the start of .text
    literal: int | None = None  # the last word, where the assembler left it to the linker

    @property
    def text(self) -> str:
        return f"{self.mnemonic} {self.operands}".strip()


@dataclass
class _Reader:
    code: bytes
    at: int = 0

    def word(self) -> int:
        return int(struct.unpack_from("<I", self.code, self.at)[0])


def decode(listing: str, code: bytes) -> list[Instruction]:
    """The instructions of `code`, which the listing must describe without a gap.

    Raises ListingMismatch, naming the first byte that differs.
    """
    found: list[Instruction] = []
    labels: dict[str, int] = {}
    reader, section = _Reader(code), ".text"
    for number, line in enumerate(listing.splitlines(), 1):
        words = line.split(";")[0].split()
        if words[:1] in ([".text"], [".section"]):
            section = words[1].split(",")[0] if words[0] == ".section" else ".text"
        if section != ".text" or not words:
            continue
        if words[0] in (".p2align", ".p2alignl"):
            _gap(reader, -reader.at % (1 << int(words[1].strip(","))), found)
        elif words[0] == ".fill":
            count, size = (int(w.strip(",")) for w in words[1:3])
            _gap(reader, count * size, found)
        elif match := _LABEL.match(line):
            labels[match[1]] = reader.at
        elif match := _ENCODED.match(line):
            found.append(_instruction(reader, match[1], match[2], number))
    if reader.at != len(code):
        raise ListingMismatch(f"the listing ends at {reader.at:#x} of .text's {len(code):#x}")
    for i in found:
        if i.target is not None and labels.get(i.operands.split()[-1]) != i.target:
            raise ListingMismatch(f"`{i.text}` at {i.pc:#x} is not what .text holds at {i.pc:#x}")
    return found


def _gap(reader: _Reader, size: int, found: list[Instruction]) -> None:
    for _ in range(size // 4):
        if reader.at + 4 > len(reader.code) or reader.word() not in (_NOP, _CODE_END):
            raise ListingMismatch(f"the gap at {reader.at:#x} of .text is not filled with s_nop")
        name = "s_nop" if reader.word() == _NOP else "s_code_end"
        found.append(Instruction(reader.at, 4, name, ""))
        reader.at += 4


def _instruction(reader: _Reader, text: str, encoding: str, line: int) -> Instruction:
    """`encoding` has letters for the bytes that the assembler knew only after this line."""
    bytes_of = encoding.split(",")
    actual = reader.code[reader.at : reader.at + len(bytes_of)]
    for n, byte in enumerate(bytes_of):
        known = byte.startswith("0x") and "'" not in byte
        if n >= len(actual) or (known and int(byte, 16) != actual[n]):
            raise ListingMismatch(
                f"line {line} of the listing, `{text}`, is not what .text holds at "
                f"{reader.at + n:#x}"
            )
    mnemonic, _, operands = text.partition(" ")
    operands = operands.replace("/*Lo16*/", "").replace("/*Hi16*/", "").strip()
    pc, size = reader.at, len(bytes_of)
    reader.at += size
    target = literal = None
    if mnemonic.startswith(_BRANCHES):
        target = pc + 4 + 4 * struct.unpack_from("<h", actual)[0]
    elif not bytes_of[-1].startswith("0x"):
        literal = struct.unpack_from("<I", actual, size - 4)[0]
    return Instruction(pc, size, mnemonic, operands, target, literal)
