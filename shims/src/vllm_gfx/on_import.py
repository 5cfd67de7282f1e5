"""Calls a function with a module as soon as that is imported, and imports nothing itself."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

Then = Callable[[ModuleType], None]

_waiting: dict[str, list[Then]] = {}


def call(name: str, then: Then) -> None:
    """Call `then` with module `name`: now if it is imported, else right after its own code ran."""
    if name in sys.modules:
        then(sys.modules[name])
        return
    _waiting.setdefault(name, []).append(then)
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


class _Finder(MetaPathFinder):
    """Finds what is waited for as Python does; the module's loader then does a little more."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in _waiting:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            _extend(spec.loader, name)
        return spec


def _extend(loader: Any, name: str) -> None:
    ordinary = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        ordinary(module)
        for then in _waiting.pop(name, ()):
            then(module)

    loader.exec_module = exec_module


_FINDER = _Finder()
