"""Where the programs of a prefix are, and what they find beside them, on either system."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import prefix, run


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the whole `os`: with its name changed, pathlib would make Windows' paths."""
    fake = SimpleNamespace(name="nt", environ=os.environ, pathsep=";")
    monkeypatch.setattr(prefix, "os", fake)


def _installed(where: Path, program: str) -> None:
    (where / prefix.LIST).write_text("")
    (where / program).parent.mkdir()
    (where / program).write_text("")


@pytest.mark.usefixtures("windows")
def test_a_program_on_windows(tmp_path: Path) -> None:
    """Entry points are made as .exe files there."""
    assert not run.is_installed(tmp_path, "vllm-gfx")
    _installed(tmp_path, "Scripts/vllm-gfx.exe")
    assert run.is_installed(tmp_path, "vllm-gfx")
    assert prefix.program_of(tmp_path, "vllm-gfx") == tmp_path / "Scripts" / "vllm-gfx.exe"


def test_a_program_on_linux(tmp_path: Path) -> None:
    _installed(tmp_path, "bin/vllm-gfx")
    assert run.is_installed(tmp_path, "vllm-gfx")
    assert prefix.program_of(tmp_path, "vllm-gfx") == tmp_path / "bin" / "vllm-gfx"


@pytest.mark.usefixtures("windows")
def test_libraries_are_found_by_path_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packages put their DLLs into Library; what conda activates, in its order."""
    monkeypatch.setenv("PATH", "before")
    below = ("Library/mingw-w64/bin", "Library/usr/bin", "Library/bin", "Scripts")
    wanted = [str(tmp_path), *(str(tmp_path / folder) for folder in below), "before"]
    assert prefix.environment(tmp_path)["PATH"].split(";") == wanted


def test_programs_are_found_by_path_on_linux(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "before")
    assert prefix.environment(tmp_path)["PATH"] == f"{tmp_path / 'bin'}:before"


@pytest.mark.parametrize("module", ["run", "smoke"])
def test_nobody_else_knows_where_programs_are(module: str) -> None:
    text = Path(prefix.__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
    assert "scripts_of" not in text and "program_of" in text
