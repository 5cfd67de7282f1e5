"""Compilers that Triton and inductor start know no letters outside the system's alphabet.

They are given files in the folder for temporary files and in caches, both below the user's own
name. With this those folders are named by their short names, or lie in this environment's prefix,
where either is ASCII. Not in a folder that all users can write: another could put code there.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from vllm_gfx import places
from vllm_gfx.machine import short_names

APPLIES = ("win32",)
TARGET = "os.environ: TMP, TEMP, TRITON_CACHE_DIR, TORCHINDUCTOR_CACHE_DIR, VLLM_CACHE_ROOT"
UPSTREAM = "triton/runtime/build.py of triton-windows: the C compiler it bundles, TinyCC"
REMOVE_WHEN = "TinyCC's tcc.exe takes its arguments as Unicode, by wmain or GetCommandLineW"

_TEMPORARY = ("TMPDIR", "TEMP", "TMP")  # as tempfile asks


def needed() -> bool:
    """Whether one of the folders has a name outside ASCII."""
    return any(not str(folder).isascii() for folder in (_temporary(), *_caches().values()))


def install() -> None:
    """Name those folders in ASCII, where they have such a name or may lie elsewhere."""
    if plain := _plain(_temporary(), "tmp"):
        os.environ.update({n: plain for n in _TEMPORARY if os.environ.get(n) or n != "TMPDIR"})
        tempfile.tempdir = plain
    for variable, folder in _caches().items():
        if not str(folder).isascii() and (plain := _plain(folder, variable.lower())):
            os.environ[variable] = plain


def _temporary() -> Path:
    return Path(tempfile.gettempdir())


def _caches() -> dict[str, Path]:
    """Upstream's default folders, by the variables that nobody set."""
    home, user = Path.home(), os.environ.get("USERNAME", "")
    defaults = {
        "TRITON_CACHE_DIR": Path(os.environ.get("TRITON_HOME") or home) / ".triton" / "cache",
        "VLLM_CACHE_ROOT": Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "vllm",
        "TORCHINDUCTOR_CACHE_DIR": _temporary() / f"torchinductor_{user}",
    }
    return {name: folder for name, folder in defaults.items() if not os.environ.get(name)}


def _plain(folder: Path, name: str) -> str:
    """An ASCII name of this folder, or of one for it in the prefix; empty if there is none."""
    for place in (folder, Path(sys.prefix, places.WRITTEN, name)):
        with suppress(PermissionError):  # a prefix of the administrator's
            place.mkdir(parents=True, exist_ok=True)
            if plain := short_names.in_ascii(str(place)):
                return plain
    return ""
