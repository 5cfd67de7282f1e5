"""Build the mock library from mock_hip.c with `zig cc`, once for each content of the source."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_name("mock_hip.c")
BUILD = Path(__file__).resolve().parents[2] / "build" / "mock_hip"
ZIG = (sys.executable, "-m", "ziglang")
FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")
FILE = "amdhip64_7.dll" if sys.platform == "win32" else "libamdhip64.so.7"


def zig(*arguments: str) -> None:
    """Run zig; its caches stay in this repository. Raises CalledProcessError."""
    cache_folder = str(BUILD / "zig-cache")
    caches = {"ZIG_GLOBAL_CACHE_DIR": cache_folder, "ZIG_LOCAL_CACHE_DIR": cache_folder}
    subprocess.run([*ZIG, *arguments], check=True, env={**os.environ, **caches})


def build() -> Path:
    """The library's file, under the name by which torch would load AMD's runtime."""
    digest = hashlib.sha256(SOURCE.read_bytes() + "".join(FLAGS).encode()).hexdigest()[:16]
    file = BUILD / digest / FILE
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{os.getpid()}-{FILE}")
        zig("cc", "-shared", *FLAGS, "-o", str(fresh), str(SOURCE))
        fresh.replace(file)
    return file


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
