"""tvm_ffi cannot load a library below a folder whose name has letters outside ASCII.

It widens the name's UTF-8 byte by byte for Windows, which then finds no such file. xgrammar loads
itself that way at import, so without this no engine starts below `C:\\Users\\Müller`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
from pathlib import Path
from typing import Any

APPLIES = ("win32",)
TARGET = "tvm_ffi.module.load_module"
UPSTREAM = "apache-tvm-ffi, src/ffi/extra/library_module_dynamic_lib.cc: DSOLibrary::Load"
REMOVE_WHEN = "tvm_ffi.load_module loads a library below a folder with a Chinese name"


def needed() -> bool:
    """Whether xgrammar, which vLLM imports unasked, is in such a folder."""
    spec = importlib.util.find_spec("xgrammar")
    return spec is not None and not (spec.origin or "").isascii()


def install() -> None:
    """Load the library ourselves first: Windows then finds it by its name without a folder."""
    import tvm_ffi
    from tvm_ffi import module

    original = module.load_module

    def load_module(path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Any:
        name = os.fspath(path)
        if not name.isascii():
            ctypes.CDLL(name)  # Python's own way, which takes every name
            name = Path(name).name
        return original(name, *args, **kwargs)

    tvm_ffi.load_module = module.load_module = load_module
