"""The libraries that this process has loaded, and those that it has loaded twice."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

# Two copies of one of these in a process share neither streams nor memory.
WATCHED = (
    "amdhip64",
    "hiprtc-builtins",
    "hiprtc",
    "amd_comgr",
    "hsa-runtime64",
    "rocm_kpack",
    "rocblas",
    "hipblaslt",
    "hipblas",
    "miopen",
    "rccl",
    "cudart",
    "nvrtc",
    "cublas",
    "nccl",
    "torch_cpu",
    "torch_hip",
    "torch_cuda",
    "c10",
)
# What may follow the name: a version (_7, 0714), or the hash by which wheels tell copies apart.
_FILE = {name: re.compile(rf"(lib)?{name}[-_0-9a-f]*(\.so[.\d]*|\.dll)") for name in WATCHED}


def loaded(maps: Path = Path("/proc/self/maps")) -> list[str]:
    """The file of each library, sorted. Needs psutil where there is no `maps`."""
    if sys.platform == "win32":
        mapped = import_module("psutil").Process().memory_maps()
        paths = {entry.path for entry in mapped}
    else:
        rows = (line.split(maxsplit=5) for line in maps.read_text("utf-8").splitlines())
        paths = {row[5].removesuffix(" (deleted)") for row in rows if len(row) == 6}
    return sorted(p for p in paths if re.search(r"\.(so(\.|$)|dll$)", p.lower()))


def family(path: str) -> str | None:
    """Which of WATCHED a file is a copy of, whatever its version; None for any other file."""
    name = re.split(r"[/\\]", path)[-1].lower()
    return next((known for known, file in _FILE.items() if file.fullmatch(name)), None)


def watched(paths: Iterable[str]) -> dict[str, list[str]]:
    """The files of each watched library that is loaded. A link and its file count once."""
    copies: dict[str, dict[str, str]] = {}
    for path in paths:
        if (known := family(path)) is not None:
            copies.setdefault(known, {})[os.path.realpath(path)] = path
    return {known: sorted(files.values()) for known, files in sorted(copies.items())}


def duplicates(paths: Iterable[str]) -> dict[str, list[str]]:
    """The watched libraries of which more than one file is loaded."""
    return {known: files for known, files in watched(paths).items() if len(files) > 1}
