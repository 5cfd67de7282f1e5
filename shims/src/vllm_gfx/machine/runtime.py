"""What the HIP library of this process says of itself, by its C interface."""

from __future__ import annotations

import ctypes
from importlib import import_module

INIT = "hipInit"


def hip() -> dict[str, str]:
    """Its versions and how it starts: `0`, or an error's name and code; or that there is none."""
    find = import_module("gfx_kernels.runtime.library").find
    errors = import_module("gfx_kernels.runtime.errors")
    try:
        library = find(import_module("gfx_kernels.runtime.hip").Hip.NAMES)
    except errors.NoRuntime as error:
        return {"HIP runtime": str(error)}
    code = library.hipInit(0)
    library.hipGetErrorString.restype = ctypes.c_char_p
    said = library.hipGetErrorString(code) or b"unknown"
    versions = {
        f"HIP {what.lower()}": _version(library, f"hip{what}GetVersion")
        for what in ("Runtime", "Driver")
    }
    return {**versions, INIT: "0" if code == 0 else f"{said.decode()} ({code})"}


def _version(library: ctypes.CDLL, function: str) -> str:
    """`7.15.26333` of the number 71526333."""
    value = ctypes.c_int()
    code = getattr(library, function)(ctypes.byref(value))
    number = value.value
    return (
        f"error {code}" if code else f"{number // 10**7}.{number // 10**5 % 100}.{number % 10**5}"
    )
