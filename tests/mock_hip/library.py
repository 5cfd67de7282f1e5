"""Build the mock library from mock_hip.c with `zig cc`, once for each content of the source."""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from functools import cache
from pathlib import Path

from tests.support import zig

SOURCE = Path(__file__).with_name("mock_hip.c")
FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")
FILES = {"linux": "libamdhip64.so.7", "win32": "amdhip64_7.dll"}  # as torch would load AMD's
# What it calls of Windows' libraries.
CALLS = {
    "ucrtbase": ("calloc", "free", "memcmp", "memcpy", "memset", "strcmp", "strncpy"),
    "kernel32": ("TlsAlloc", "TlsGetValue", "TlsSetValue"),
}
FILE = FILES[sys.platform]


def build(system: str = sys.platform) -> Path:
    """The library's file for `system`; Linux builds Windows', since Wine has no compiler."""
    digest = hashlib.sha256(SOURCE.read_bytes() + "".join(FLAGS).encode()).hexdigest()[:16]
    file = zig.BUILD / digest / FILES[system]
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{os.getpid()}-{file.name}")
        zig.run("cc", "-shared", *FLAGS, str(SOURCE), *_for(system, file.parent), "-o", str(fresh))
        fresh.replace(file)
    return file


def _for(system: str, folder: Path) -> list[str]:
    if system != "win32":
        return []
    return [*zig.WINDOWS, *(zig.import_library(dll, CALLS[dll], folder) for dll in CALLS)]


@cache
def load() -> ctypes.CDLL:
    return ctypes.CDLL(str(build()))


class Argument(ctypes.Structure):
    """`struct argument`: where an argument lies and what it is (0: passed by the launcher)."""

    _fields_ = (("offset", ctypes.c_uint32), ("size", ctypes.c_uint32), ("kind", ctypes.c_uint32))


class Function(ctypes.Structure):
    """`struct function`: what the mock must know of a kernel to launch it."""

    _fields_ = (
        ("id", ctypes.c_int32),
        ("max_threads", ctypes.c_int32),
        ("lds", ctypes.c_int32),
        ("max_dynamic_lds", ctypes.c_int32),
        ("kernarg_size", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("arguments", Argument * 64),
    )


class Config(ctypes.Structure):
    """`struct launch`."""

    _fields_ = (
        ("id", ctypes.c_int32),
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("shared", ctypes.c_uint32),
        ("stream", ctypes.c_void_p),
    )


LOAD = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_void_p)
)
FIND = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(Function))
LAUNCH = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Config), ctypes.c_void_p, ctypes.c_size_t)
