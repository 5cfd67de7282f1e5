"""A function is called with a module once its own code ran, and once only."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType

import pytest
from vllm_gfx import on_import

NAME = "a_module_of_this_test"


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Name and `value` of each module that the function was called with."""
    (tmp_path / f"{NAME}.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(sys, "modules", {**sys.modules})
    return []


def _note(seen: list[tuple[str, int]]) -> on_import.Then:
    return lambda module: seen.append((module.__name__, module.value))


def test_later(seen: list[tuple[str, int]]) -> None:
    on_import.call(NAME, _note(seen))
    on_import.call(NAME, _note(seen))
    assert seen == [] and NAME not in sys.modules
    module: ModuleType = importlib.import_module(NAME)
    assert seen == [(NAME, 1)] * 2
    assert inspect.getsource(module) == "value = 1\n"
    del sys.modules[NAME]
    importlib.import_module(NAME)
    assert len(seen) == 2


def test_now(seen: list[tuple[str, int]]) -> None:
    module = importlib.import_module(NAME)
    module.value = 2
    on_import.call(NAME, _note(seen))
    assert seen == [(NAME, 2)]


def test_what_cannot_be_found_is_nobodys(seen: list[tuple[str, int]]) -> None:
    on_import.call("no_such_module_anywhere", _note(seen))
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_module_anywhere")
    assert seen == []
