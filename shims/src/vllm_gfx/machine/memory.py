"""Free memory and disk, in bytes."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path

GIB = 2**30


def ram(meminfo: Path = Path("/proc/meminfo")) -> tuple[int, int]:
    """Total and available bytes of the machine. Needs psutil where there is no `meminfo`."""
    if not meminfo.is_file():
        found = import_module("psutil").virtual_memory()
        return int(found.total), int(found.available)
    lines = (line.split() for line in meminfo.read_text(encoding="ascii").splitlines())
    kib = {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1}
    return kib["MemTotal"] * 1024, kib["MemAvailable"] * 1024


def disk(path: Path) -> int:
    """Free bytes on the disk that holds `path`, or would hold it once it exists."""
    there = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    return shutil.disk_usage(there).free


def gib(count: float) -> str:
    """`15.2 GiB` of bytes."""
    return f"{count / GIB:.1f} GiB"
