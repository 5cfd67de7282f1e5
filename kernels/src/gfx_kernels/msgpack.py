"""Decode MessagePack, the format of the metadata that a code object carries.

Only what compilers write there: nil, booleans, integers, strings, arrays and maps
(https://github.com/msgpack/msgpack/blob/master/spec.md).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 16  # metadata nests five deep; a corrupt file must not exhaust the stack


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        taken = self.data[self.at : self.at + size]
        if len(taken) != size:
            raise ValueError(f"metadata ends at byte {len(self.data)}, in the middle of a value")
        self.at += size
        return taken

    def number(self, code: str) -> int:
        value: int = struct.unpack(">" + code, self.take(struct.calcsize(">" + code)))[0]
        return value

    def text(self, size: int) -> str:
        return self.take(size).decode("utf-8")

    def array(self, size: int, depth: int) -> list[Any]:
        return [self.value(depth + 1) for _ in range(size)]

    def map(self, size: int, depth: int) -> dict[str, Any]:
        return {self._key(): self.value(depth + 1) for _ in range(size)}

    def _key(self) -> str:
        key = self.value(MAX_DEPTH)
        if not isinstance(key, str):
            raise ValueError(f"a key of the metadata is {key!r}, not a string")
        return key

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError(f"metadata nests deeper than {MAX_DEPTH}")
        tag = self.number("B")
        if tag < 0x80 or tag >= 0xE0:  # the tag is the integer
            return tag if tag < 0x80 else tag - 0x100
        if tag < 0xC0:  # the tag holds a size too
            return self._short(tag, depth)
        if tag not in _LONG:
            raise ValueError(f"metadata holds the unknown MessagePack tag {tag:#x}")
        return _LONG[tag](self, depth)

    def _short(self, tag: int, depth: int) -> Any:
        if tag >= 0xA0:
            return self.text(tag & 0x1F)
        return self.array(tag & 0x0F, depth) if tag >= 0x90 else self.map(tag & 0x0F, depth)


_Decode = Callable[[_Reader, int], Any]


def _integer(code: str) -> _Decode:
    return lambda reader, depth: reader.number(code)


def _text(code: str) -> _Decode:
    return lambda reader, depth: reader.text(reader.number(code))


def _array(code: str) -> _Decode:
    return lambda reader, depth: reader.array(reader.number(code), depth)


def _map(code: str) -> _Decode:
    return lambda reader, depth: reader.map(reader.number(code), depth)


def _run(first: int, make: Callable[[str], _Decode], codes: str) -> dict[int, _Decode]:
    """Consecutive tags from `first`, one for every size of number in `codes`."""
    return {first + i: make(code) for i, code in enumerate(codes)}


_LONG: dict[int, _Decode] = {
    0xC0: lambda reader, depth: None,
    0xC2: lambda reader, depth: False,
    0xC3: lambda reader, depth: True,
    **_run(0xCC, _integer, "BHIQbhiq"),
    **_run(0xD9, _text, "BHI"),
    **_run(0xDC, _array, "HI"),
    **_run(0xDE, _map, "HI"),
}


def decode(data: bytes) -> Any:
    """The one value in `data`. Raises ValueError if there is not exactly one."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise ValueError(f"{len(data) - reader.at} bytes follow the metadata")
    return value
