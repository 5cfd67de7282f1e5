"""Whether Windows' registry enables long paths; everywhere else they simply are."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from vllm_gfx.machine import long_paths


def _registry(values: dict[str, int]) -> Any:
    def QueryValueEx(key: dict[str, int], name: str) -> tuple[int, int]:
        if name not in key:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return key[name], 4

    return SimpleNamespace(
        HKEY_LOCAL_MACHINE=None,
        OpenKey=lambda parent, name: nullcontext(values),
        QueryValueEx=QueryValueEx,
    )


@pytest.mark.parametrize(
    ("values", "wanted"), [({"LongPathsEnabled": 1}, True), ({"LongPathsEnabled": 0}, False)]
)
def test_what_the_registry_says(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, int], wanted: bool
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "winreg", _registry(values))
    assert long_paths.enabled() is wanted


def test_a_windows_that_never_heard_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "winreg", _registry({}))
    assert long_paths.enabled() is False


def test_other_systems() -> None:
    assert sys.platform != "win32" and long_paths.enabled()
