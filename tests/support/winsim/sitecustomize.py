"""Windows as vLLM's and our own code sees it, on Linux: put this folder first on PYTHONPATH.

Python runs this file at the start of every process, so processes that vLLM starts are simulated
too. Only modules of OURS see Windows: what they import of the standard library lacks the names that
Windows Python lacks (absent.json), and libraries behave as their Windows builds do once one of OURS
imports them (windows_libraries.py). The libraries' own code goes on as on Linux.
"""

from __future__ import annotations

import builtins
import importlib.util
import json
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

OURS = ("vllm", "vllm_gfx")
ABSENT: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("absent.json").read_text(encoding="utf-8")
)
# Absent from Windows, and none of the standard library.
# None in sys.modules: not found.
NOT_FOR_WINDOWS = ("uvloop", "amdsmi", "triton")
DIFFERENT: dict[str, dict[str, Any]] = {
    "sys": {"platform": "win32"},
    "os": {"name": "nt"},
    "platform": {"system": lambda: "Windows"},
    "signal": {"SIGBREAK": signal.SIGUSR1},
}

_import = builtins.__import__
_find_spec = importlib.util.find_spec
_views: dict[str, ModuleType] = {}


class View(ModuleType):
    """A module of the standard library as Windows has it; what is set goes to the real one."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__(real.__name__)
        vars(self).update(_of=real, __doc__=real.__doc__, __spec__=real.__spec__)

    def __getattr__(self, name: str) -> Any:
        real: ModuleType = vars(self)["_of"]
        if name in ABSENT.get(real.__name__, ()):
            raise AttributeError(f"module {real.__name__!r} has no attribute {name!r} (Windows)")
        return DIFFERENT.get(real.__name__, {}).get(name) or getattr(real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(vars(self)["_of"], name, value)

    def __dir__(self) -> list[str]:
        real: ModuleType = vars(self)["_of"]
        return sorted(set(dir(real)) - set(ABSENT.get(real.__name__, ())))


def _importer(scope: Any) -> str:
    """The top-level package of the module whose globals these are, also under `python -m`."""
    spec = scope.get("__spec__") if scope else None
    name: str = getattr(spec, "name", None) or (scope or {}).get("__name__") or ""
    return name.partition(".")[0]


def _absent(name: str) -> bool:
    """Whether `name` is a module that Windows lacks, and no stand-in has taken its place."""
    top = name.partition(".")[0]
    there = sys.modules.get(top)
    stand_in = there is not None and there.__name__.startswith("vllm_gfx")
    return top in ABSENT["modules"] and not stand_in


def find_spec(name: str, package: str | None = None) -> Any:
    """`importlib.util.find_spec`, which finds no module that Windows lacks."""
    return None if _absent(name) else _find_spec(name, package)


def _seen(module: ModuleType) -> ModuleType:
    """The module as Windows has it."""
    name = module.__name__
    if name not in ABSENT and name not in DIFFERENT:
        return module
    return _views.setdefault(name, View(module))


def import_(name: str, *args: Any, **kwargs: Any) -> ModuleType:
    """`__import__`, with another answer for OURS."""
    scope, level = (*args, *[None] * 4)[0], (*args, *[0] * 4)[3]
    if kwargs.get("level", level) or _importer(kwargs.get("globals", scope)) not in OURS:
        return _import(name, *args, **kwargs)
    if _absent(name):
        raise ModuleNotFoundError(f"No module named {name!r} (Windows)", name=name)
    found = _seen(_import(name, *args, **kwargs))
    windows_libraries.change(name.partition(".")[0])
    return found


import windows_libraries  # noqa: E402 - this folder is on sys.path

builtins.__import__ = import_
importlib.util.find_spec = find_spec
sys.modules.update(dict.fromkeys(NOT_FOR_WINDOWS))  # type: ignore[arg-type]
