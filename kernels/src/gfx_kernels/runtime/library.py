"""Find the GPU runtime in this process: the copy that torch loaded, else what the system finds.

Two copies of a runtime in one process do not share streams or memory, so torch's comes first.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from gfx_kernels.runtime.errors import NoRuntime

_BAD_EXE_FORMAT = 193  # of Windows
Opener = Callable[[str], ctypes.CDLL | None]


def find(names: Sequence[str]) -> ctypes.CDLL:
    """The library that goes by one of `names`, best first. Raises NoRuntime."""
    already = _loaded_windows if sys.platform == "win32" else _loaded_posix
    for opener in (already, _search):
        for name in names:
            if (library := opener(name)) is not None:
                return library
    raise NoRuntime(
        f"none of {', '.join(names)} is loaded or found; "
        "install the GPU's driver (and torch for that GPU)"
    )


def _search(name: str) -> ctypes.CDLL | None:
    """Raises NoRuntime for a file that is there and is no library of this machine."""
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        if getattr(error, "winerror", None) == _BAD_EXE_FORMAT:
            raise NoRuntime(
                f"{name} was found and is not a 64-bit library; install the GPU's driver again"
            ) from error
        return None


def _loaded_posix(name: str) -> ctypes.CDLL | None:
    """By what is mapped: wheels rename libraries, so `name` may go on after its first dot."""
    stem = name.split(".")[0]
    for path in _mapped():
        file = os.path.basename(path)  # noqa: PTH119 - runs for every library of the process
        if file.startswith((name, f"{stem}-")):
            return ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    return None


class _Object(ctypes.Structure):
    """The beginning of dl_phdr_info."""

    _fields_ = (("address", ctypes.c_void_p), ("name", ctypes.c_char_p))


def _mapped() -> list[str]:
    """The files of the loaded libraries, from the dynamic linker itself."""
    paths: list[str] = []

    def see(entry: Any, _size: int, _data: int | None) -> int:
        if entry.contents.name:
            paths.append(os.fsdecode(entry.contents.name))
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Object), ctypes.c_size_t, ctypes.c_void_p)
    ctypes.CDLL(None).dl_iterate_phdr(kind(see), None)
    return paths


def _loaded_windows(name: str) -> ctypes.CDLL | None:
    kernel32 = ctypes.CDLL("kernel32")
    kernel32.GetModuleHandleW.restype = ctypes.c_void_p
    kernel32.GetModuleHandleW.argtypes = [ctypes.c_wchar_p]
    handle = kernel32.GetModuleHandleW(name)
    return ctypes.CDLL(name, handle=handle) if handle else None
