"""Windows' Performance Data Helper library, `pdh.dll`: as much of it as reads a few counters.

By ctypes. pywin32 has the same functions, but this package is one for Windows and Linux, which
conda gives no dependency for Windows alone, and the doctor must do with the standard library.
Counters are asked for by their English names: on a German Windows the plain call knows only the
German ones.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from ctypes import POINTER, byref, c_int64, c_size_t, c_uint32, c_void_p, c_wchar_p
from typing import Any

LIBRARY = "pdh"

_LARGE = 0x00000400  # PDH_FMT_LARGE: as a 64-bit integer
_MORE_DATA = 0x800007D2  # PDH_MORE_DATA: the answer to the question for a size
_NO_DATA = 0x800007D5  # PDH_NO_DATA: no process uses a GPU now
_VALID = (0, 1)  # PDH_CSTATUS_VALID_DATA, PDH_CSTATUS_NEW_DATA
# What a missing counter set answers.
_ABSENT = {
    0xC0000BB8: "Windows has no such counters here",  # PDH_CSTATUS_NO_OBJECT
    0xC0000BB9: "Windows has no such counter here",  # PDH_CSTATUS_NO_COUNTER
    0x800007D0: "no machine answers",  # PDH_CSTATUS_NO_MACHINE
}


class CannotRead(RuntimeError):
    """Why the counters cannot be read, in words."""


class Item(ctypes.Structure):
    """PDH_FMT_COUNTERVALUE_ITEM_W, with the 64-bit member of its union."""

    _fields_ = (("name", c_wchar_p), ("status", c_uint32), ("value", c_int64))


_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "PdhOpenQueryW": (c_wchar_p, c_size_t, POINTER(c_void_p)),
    "PdhAddEnglishCounterW": (c_void_p, c_wchar_p, c_size_t, POINTER(c_void_p)),
    "PdhCollectQueryData": (c_void_p,),
    "PdhGetFormattedCounterArrayW": (
        c_void_p,
        c_uint32,
        POINTER(c_uint32),
        POINTER(c_uint32),
        c_void_p,
    ),
    "PdhCloseQuery": (c_void_p,),
}


def load(name: str = LIBRARY) -> Any:
    """The library. Raises CannotRead where it is not, or lacks a function."""
    try:
        library = ctypes.CDLL(name)  # on x64 there is one calling convention
        for function, arguments in _ARGUMENTS.items():
            getattr(library, function).argtypes = arguments
            getattr(library, function).restype = c_uint32
    except (OSError, AttributeError) as error:
        raise CannotRead(f"Windows' library {name} cannot be used: {error}") from error
    return library


class Query:
    """Counters that are read together. `paths`: any name -> counter path, with `*` instances."""

    def __init__(self, paths: Mapping[str, str], library: Any = None) -> None:
        """Raises CannotRead for a path that this Windows does not have."""
        self._library = load() if library is None else library
        self._query = c_void_p()
        self._counters: dict[str, c_void_p] = {}
        self._call("open a query", "PdhOpenQueryW", None, 0, byref(self._query))
        try:
            for name, path in paths.items():
                counter = self._counters[name] = c_void_p()
                self._call(path, "PdhAddEnglishCounterW", self._query, path, 0, byref(counter))
        except CannotRead:
            self.close()
            raise

    def read(self) -> dict[str, dict[str, int | None]]:
        """Name -> instance -> value, of now, None if it is invalid. Raises CannotRead."""
        collected = self._library.PdhCollectQueryData(self._query)
        if collected == _NO_DATA:
            return {name: {} for name in self._counters}
        _check("collect", collected)
        return {name: self._values(counter) for name, counter in self._counters.items()}

    def _values(self, counter: c_void_p) -> dict[str, int | None]:
        size, count = c_uint32(0), c_uint32(0)
        ask = self._library.PdhGetFormattedCounterArrayW
        code = ask(counter, _LARGE, byref(size), byref(count), None)
        if code in (0, _NO_DATA):
            return {}
        if code != _MORE_DATA:
            _check("read", code)
        buffer = ctypes.create_string_buffer(size.value)  # items, then the strings they point to
        _check("read", ask(counter, _LARGE, byref(size), byref(count), buffer))
        items = (Item * count.value).from_buffer(buffer)
        return {
            str(item.name): int(item.value) if item.status in _VALID else None for item in items
        }

    def close(self) -> None:
        """Give the query back, once."""
        if self._query:
            self._library.PdhCloseQuery(self._query)
            self._query = c_void_p()

    def _call(self, what: str, function: str, *arguments: Any) -> None:
        _check(what, getattr(self._library, function)(*arguments))


def _check(what: str, code: int) -> None:
    if code:
        raise CannotRead(f"{what}: {_ABSENT.get(code, 'error')} (0x{code:08X})")
