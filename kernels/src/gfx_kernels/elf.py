"""Read the sections, symbols and notes of a 64-bit little-endian ELF file (System V gABI)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_IDENT = b"\x7fELF\x02\x01\x01"  # 64 bits, little endian, version 1
PROGBITS, NOTE, DYNSYM = 1, 7, 11
ALLOC, EXECINSTR = 2, 4
AMDGPU = 224  # e_machine


@dataclass(frozen=True)
class Section:
    name: str
    type: int
    flags: int
    address: int
    link: int
    data: bytes  # empty if the file holds none


@dataclass(frozen=True)
class Elf:
    machine: int
    abi_version: int
    sections: tuple[Section, ...]

    def one(self, name: str) -> Section:
        """The section called `name`. Raises ValueError."""
        found = [s for s in self.sections if s.name == name]
        if len(found) != 1:
            raise ValueError(f"it has {len(found)} sections {name}, not one")
        return found[0]

    def notes(self) -> Iterator[tuple[str, int, bytes]]:
        """Owner, type and description of every note."""
        for section in self.sections:
            at, data = 0, section.data if section.type == NOTE else b""
            while at < len(data):
                name_size, size, kind = struct.unpack("<III", _cut(data, at, 12, "a note"))
                name = _cut(data, at + 12, name_size, "a note's owner")
                at += 12 + _aligned(name_size)
                yield name.rstrip(b"\0").decode("ascii"), kind, _cut(data, at, size, "a note")
                at += _aligned(size)

    def symbols(self) -> dict[str, int]:
        """Address by name, of what other files may refer to."""
        found = {}
        for table in (s for s in self.sections if s.type == DYNSYM):
            names = self._linked(table)
            for at in range(0, len(table.data), 24):
                entry = _cut(table.data, at, 24, "a symbol")
                name, _, _, _, address, _ = struct.unpack("<IBBHQQ", entry)
                found[_text(names, name)] = address
        return found

    def _linked(self, table: Section) -> bytes:
        if table.link >= len(self.sections):
            raise ValueError(f"{table.name} refers to section {table.link}, which is not there")
        return self.sections[table.link].data


def parse(data: bytes) -> Elf:
    """Raises ValueError, naming what is wrong, unless `data` is a whole ELF file."""
    header = _cut(data, 0, 64, "the ELF header")
    if not header.startswith(_IDENT):
        raise ValueError("it is no 64-bit little-endian ELF file")
    machine = struct.unpack_from("<H", header, 18)[0]
    (table,) = struct.unpack_from("<Q", header, 40)
    size, count, names = struct.unpack_from("<HHH", header, 58)
    if size != 64 or names >= count:
        raise ValueError("its section headers are not those of a 64-bit ELF file")
    raw = [_cut(data, table + i * 64, 64, f"section header {i}") for i in range(count)]
    headers = [struct.unpack("<IIQQQQIIQQ", h) for h in raw]
    labels = _contents(data, headers[names])
    sections = tuple(_section(data, labels, h) for h in headers)
    return Elf(machine, header[8], sections)


def _section(data: bytes, labels: bytes, header: tuple[int, ...]) -> Section:
    label, kind, flags, address, _, _, link = header[:7]
    return Section(_text(labels, label), kind, flags, address, link, _contents(data, header))


def _contents(data: bytes, header: tuple[int, ...]) -> bytes:
    kind, offset, size = header[1], header[4], header[5]
    return b"" if kind in (0, 8) else _cut(data, offset, size, "a section")  # NULL, NOBITS


def _cut(data: bytes, offset: int, size: int, what: str) -> bytes:
    if offset + size > len(data):
        raise ValueError(f"{what} ends at byte {offset + size}, past its end at {len(data)}")
    return data[offset : offset + size]


def _text(table: bytes, offset: int) -> str:
    end = table.find(b"\0", offset)
    if end < 0:
        raise ValueError(f"a name at byte {offset} of its string table has no end")
    return table[offset:end].decode("utf-8")


def _aligned(size: int) -> int:
    return -(-size // 4) * 4
