"""Builds fake_pdh.c and sets what it answers."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from ctypes import c_int64, c_uint32, c_wchar_p
from pathlib import Path
from typing import Any

from tests.support import zig

SOURCE = Path(__file__).with_name("fake_pdh.c")
FILES = {"linux": "libfake_pdh.so", "win32": "fake_pdh.dll"}
# Windows' header declares the functions as another library's; that they are ours is meant.
OURS = "-Wno-dll-attribute-on-redeclaration"
TARGETS: dict[str, tuple[str, ...]] = {"linux": (), "win32": (*zig.WINDOWS, OURS)}
HEADERS = Path("lib", "libc", "include", "any-windows-any")  # Windows', in zig's package
FLAGS = ("-O2", "-ffreestanding", "-fno-builtin", "-Wall", "-Wextra", "-Werror")
NO_DATA = 0x800007D5


def build(system: str = sys.platform) -> Path:
    """The library for `system`, built once for each content of the source."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    file = zig.BUILD / digest / FILES[system]
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{os.getpid()}-{file.name}")
        flags = [*TARGETS[system], *FLAGS, *_headers(system)]
        zig.run("cc", "-shared", *flags, "-o", str(fresh), str(SOURCE))
        fresh.replace(file)
    return file


def _headers(system: str) -> tuple[str, ...]:
    """Windows' own, which zig leaves out together with the C runtime."""
    found = importlib.util.find_spec("ziglang")
    if system != "win32" or not found or not found.origin:
        return ()
    return ("-isystem", str(Path(found.origin).parent / HEADERS))


class Pdh:
    """The library as the code under test takes it, and the rows that it has."""

    def __init__(self, file: Path) -> None:
        from vllm_gfx.vram import pdh  # not at the top: where it is built the package is not

        self.library: Any = pdh.load(str(file))
        self.library.fake_add.argtypes = (c_wchar_p, c_wchar_p, c_uint32, c_int64)
        self.library.fake_add.restype = None
        self.library.fake_clear.argtypes = (c_uint32,)
        self.clear()

    def clear(self, collect: int = 0) -> None:
        """No rows and no counters; collecting answers `collect`."""
        self.library.fake_clear(collect)

    def row(self, counter: str, instance: str | None, value: int = 0, status: int = 0) -> None:
        """A row of the counter; None: the counter alone."""
        path = rf"\GPU Process Memory(*)\{counter}"
        self.library.fake_add(path, instance, status, value)

    def open_queries(self) -> int:
        return int(self.library.fake_open_queries())
