"""`loader.py DLL FOLDER`: what the loader says where the runtime's DLL is not what it should be.

Each situation is a process of its own: a DLL that is loaded stays so.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

assert sys.platform == "win32"  # for mypy too

SECONDS = 60  # a child starts Python and loads one library
FIRST = "amdhip64_7.dll"
# A file of 64 KiB that begins as a program for 32-bit x86 does: "MZ", and "PE", machine 0x14c.
PE_32 = b"MZ".ljust(60, b"\0") + b"\x40\0\0\0" + b"PE\0\0\x4c\x01".ljust(65536, b"\0")
OTHER = Path(os.environ["SYSTEMROOT"], "system32", "version.dll")
PUT = {
    "absent": lambda file, dll: None,
    "text": lambda file, dll: file.write_text("not a library"),
    "empty": lambda file, dll: file.touch(),
    "32-bit": lambda file, dll: file.write_bytes(PE_32),
    "another library": lambda file, dll: shutil.copy(OTHER, file),
    "in a folder of add_dll_directory": lambda file, dll: shutil.copy(dll, file),
    "loaded by its path": lambda file, dll: ctypes.CDLL(str(dll)),
}


def _without_torch() -> None:
    """Leave the package's `__init__` out: it imports torch, which takes seconds."""
    package = types.ModuleType("gfx_kernels.runtime")
    found = importlib.util.find_spec("gfx_kernels")
    assert found and found.submodule_search_locations
    package.__path__ = [str(Path(found.submodule_search_locations[0], "runtime"))]
    sys.modules[package.__name__] = package


def one(what: str, dll: Path, folder: Path) -> str:
    _without_torch()
    from gfx_kernels.runtime import errors, hip, library

    folder.mkdir()
    loaded = PUT[what](folder / FIRST, dll)
    os.add_dll_directory(str(folder))  # as the runtime's wheel does with its bin folder
    try:
        found = hip.Hip(library.find(hip.Hip.NAMES)).library
    except errors.GpuError as error:
        return f"{type(error).__name__}: {error}"
    same = isinstance(loaded, ctypes.CDLL) and loaded._handle == found._handle
    return "the same" if same else found._name


def every(dll: str, folder: str) -> dict[str, str]:
    said = {}
    for number, what in enumerate(PUT):
        command = [sys.executable, __file__, dll, f"{folder}\\{number}", what]
        child = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
        )
        assert child.returncode == 0, child.stderr
        said[what] = child.stdout.strip()
    return said


if __name__ == "__main__":
    if sys.argv[3:]:
        print(one(sys.argv[3], Path(sys.argv[1]), Path(sys.argv[2])))
    else:
        print(json.dumps(every(*sys.argv[1:])))
