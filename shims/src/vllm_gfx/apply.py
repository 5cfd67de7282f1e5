"""Runs the shims of a stage: one file per shim, in name order, each at most once.

A shim is a module with `APPLIES` (values of sys.platform it may run on), `TARGET` (the dotted name
it replaces), `UPSTREAM` (a link or a place in the source), `REMOVE_WHEN` (a checkable sentence),
`needed() -> bool` and `install() -> None`.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from types import ModuleType

STAGES = ("early", "engine")
FIELDS = ("APPLIES", "TARGET", "UPSTREAM", "REMOVE_WHEN", "needed", "install")

_installed: dict[str, bool] = {}


def shims(stage: str) -> list[ModuleType]:
    """The shim modules of `stage`, in name order. Raises TypeError if one lacks a field."""
    package = importlib.import_module(f"vllm_gfx.{stage}")
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    found = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    for shim in found:
        if missing := [f for f in FIELDS if not hasattr(shim, f)]:
            raise TypeError(f"{shim.__name__} lacks {', '.join(missing)}")
    return found


def apply(stage: str) -> None:
    """Install every shim of `stage` that this platform needs and has not installed yet."""
    for shim in shims(stage):
        if shim.__name__ in _installed:
            continue
        wanted = sys.platform in shim.APPLIES and shim.needed()
        if wanted:
            shim.install()
        _installed[shim.__name__] = wanted


def active() -> list[str]:
    """Names of the shims that are installed in this process."""
    return [name for name, on in _installed.items() if on]
