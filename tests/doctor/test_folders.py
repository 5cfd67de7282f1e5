"""The folders that the doctor looks at, where the system cannot say where they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from vllm_gfx.doctor import hardware

VARIABLES = ("HF_HOME", "VLLM_CACHE_ROOT", "TMPDIR", "TEMP")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_where_nothing_moves_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert hardware.folders() == {
        "prefix": Path(sys.prefix),
        "model cache": tmp_path / ".cache" / "huggingface",
        "vLLM cache": tmp_path / ".cache" / "vllm",
        "temporary files": Path("/tmp"),
    }


def test_variables_move_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, str(tmp_path / name))
    found = hardware.folders()
    assert found["model cache"] == tmp_path / "HF_HOME"
    assert found["vLLM cache"] == tmp_path / "VLLM_CACHE_ROOT"
    assert found["temporary files"] == tmp_path / "TMPDIR"
    monkeypatch.delenv("TMPDIR")
    assert hardware.folders()["temporary files"] == tmp_path / "TEMP"


@pytest.mark.parametrize("error", [RuntimeError, OSError])
def test_a_user_without_a_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: type[Exception]
) -> None:
    def home() -> Path:
        raise error("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    assert list(hardware.folders()) == ["prefix", "temporary files"]
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert hardware.folders()["model cache"] == tmp_path


def test_a_disk_too_full_for_a_temporary_file() -> None:
    """The doctor must start there: it is the one to say so."""
    code = """
import pathlib, tempfile
def full(*_): raise FileNotFoundError("No usable temporary directory found")
def homeless(): raise RuntimeError("Could not determine home directory.")
tempfile.gettempdir = full
pathlib.Path.home = homeless
import vllm_gfx.doctor.hardware
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
