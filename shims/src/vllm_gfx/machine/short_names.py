"""Windows' second name of a file, of eight and three letters, which may do without others."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

_LONGEST = 32768  # characters of a path, with its end


def in_ascii(path: str) -> str:
    """`path` if it is ASCII, otherwise its short name if that is, otherwise an empty string.

    A drive may give no short names, and a short name keeps letters of the system's own alphabet.
    """
    if path.isascii():
        return path
    buffer = ctypes.create_unicode_buffer(_LONGEST)
    length = _kernel32().GetShortPathNameW(path, buffer, _LONGEST)
    return buffer.value if length and buffer.value.isascii() else ""


@cache
def _kernel32() -> Any:
    dll: Any = ctypes
    return dll.WinDLL("kernel32")
