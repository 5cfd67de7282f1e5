"""Folders with letters outside ASCII: whose names change, whose do not, and how libraries load."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vllm_gfx import places
from vllm_gfx.early import ascii_folders, tvm_ffi_path
from vllm_gfx.machine import short_names

CACHES = ("TRITON_CACHE_DIR", "VLLM_CACHE_ROOT", "TORCHINDUCTOR_CACHE_DIR")
VARIABLES = ("TMPDIR", "TEMP", "TMP", "TRITON_HOME", "XDG_CACHE_HOME", *CACHES)
SHORT = {"Jürgen": "JRGEN~1", "中ж": "XY~1"}


@pytest.fixture
def shortens(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give a drive its short names."""

    def drive(names: dict[str, str]) -> None:
        def GetShortPathNameW(path: str, buffer: Any, length: int) -> int:
            for name, short in names.items():
                path = path.replace(name, short)
            buffer.value = path
            return len(path) * Path(path.replace("~1", "")).is_absolute()

        kernel32 = SimpleNamespace(GetShortPathNameW=GetShortPathNameW)
        monkeypatch.setattr(short_names, "_kernel32", lambda: kernel32)

    return drive


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Be a user of that name, with temporary files below the home, and an ASCII prefix."""

    def become(name: str) -> Path:
        home = tmp_path / "Users" / name
        temporary = home / "Temp"
        temporary.mkdir(parents=True)
        for variable in VARIABLES:
            monkeypatch.setenv(variable, "")  # so that what the shim sets is taken back too
            monkeypatch.delenv(variable)
        for variable, value in {"HOME": home, "USERNAME": name, "TEMP": temporary}.items():
            monkeypatch.setenv(variable, str(value))
        monkeypatch.setattr(tempfile, "tempdir", None)
        monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
        return home

    return become


def _set() -> dict[str, str]:
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def test_plain_names_stay(user: Any) -> None:
    user("Jane Doe")
    assert not ascii_folders.needed()


def test_short_names_where_there_are_some(user: Any, shortens: Any) -> None:
    home = user("Jürgen")
    shortens(SHORT)
    assert ascii_folders.needed()
    ascii_folders.install()
    short = str(home).replace("Jürgen", "JRGEN~1")
    assert _set() == {
        "TEMP": f"{short}/Temp",
        "TMP": f"{short}/Temp",
        "TRITON_CACHE_DIR": f"{short}/.triton/cache",
        "VLLM_CACHE_ROOT": f"{short}/.cache/vllm",
        "TORCHINDUCTOR_CACHE_DIR": f"{short}/Temp/torchinductor_JRGEN~1",
    }
    assert tempfile.gettempdir() == f"{short}/Temp"


def test_the_prefix_where_there_are_none(user: Any, shortens: Any, tmp_path: Path) -> None:
    user("中ж")
    shortens({})
    ascii_folders.install()
    found = _set()
    written = tmp_path / "prefix" / places.WRITTEN
    assert found["TMP"] == str(written / "tmp") == tempfile.gettempdir()
    assert found["TRITON_CACHE_DIR"] == str(written / "triton_cache_dir")
    assert all(Path(folder).is_dir() and folder.isascii() for folder in found.values())
    assert not ascii_folders.needed()


def test_nothing_where_there_is_neither(
    user: Any, shortens: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = user("Jürgen")
    shortens({})
    monkeypatch.setattr(sys, "prefix", str(home / "prefix"))
    ascii_folders.install()
    assert _set() == {"TEMP": str(home / "Temp")}


def test_what_the_user_set_stays(user: Any, shortens: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    user("Jürgen")
    shortens(SHORT)
    monkeypatch.setenv("TRITON_CACHE_DIR", "D:\\Dreiecke für alle")
    monkeypatch.setenv("VLLM_CACHE_ROOT", "D:\\v")
    ascii_folders.install()
    assert os.environ["TRITON_CACHE_DIR"] == "D:\\Dreiecke für alle"
    assert os.environ["VLLM_CACHE_ROOT"] == "D:\\v"


def test_a_library_below_such_a_folder_is_loaded_by_its_own_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import tvm_ffi
    from tvm_ffi import module

    asked: list[str] = []
    monkeypatch.setattr(module, "load_module", lambda name, **_: asked.append(name))
    monkeypatch.setattr(tvm_ffi, "load_module", module.load_module)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: asked.append(f"CDLL {name}"))
    tvm_ffi_path.install()
    module.load_module(Path("/ü/x.dll"), keep_module_alive=True)
    tvm_ffi.load_module("/u/x.dll")
    assert asked == ["CDLL /ü/x.dll", "x.dll", "/u/x.dll"]


def test_needed_where_xgrammar_lies_below_such_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """tvm_ffi_path; that it still fails there is asked of Windows Python, in tests/windows."""
    assert not tvm_ffi_path.needed()
    origin = SimpleNamespace(origin="C:\\Users\\Jürgen\\Lib\\xgrammar\\__init__.py")
    monkeypatch.setattr(tvm_ffi_path.importlib.util, "find_spec", lambda name: origin)
    assert tvm_ffi_path.needed()
