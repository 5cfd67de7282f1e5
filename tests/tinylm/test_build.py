"""The recipe's build script: the same bytes every time, and errors where codes do not fit."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.support import tinylm

RECIPE = Path(__file__).parents[2] / "recipes" / "tinylm"


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PREFIX"}
    env = kept | {"PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1"} | environment
    command = [sys.executable, "build.py"]
    return subprocess.run(command, cwd=RECIPE, env=env, capture_output=True, text=True)


def test_building_again_gives_the_installed_bytes(tmp_path: Path) -> None:
    done = run({"PREFIX": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    built, installed = files(tmp_path / "share" / tinylm.PACKAGE), files(tinylm.share())
    assert {name.split("/")[0] for name in built if "/" in name} == {
        tinylm.ORIGINAL,
        *tinylm.QUANTISED,
    }
    assert [
        name for name in built.keys() | installed if built.get(name) != installed.get(name)
    ] == []


@pytest.fixture
def nibbles(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(RECIPE))
    return importlib.import_module("pack.nibbles")


def test_first_neighbour_is_in_the_lowest_bits(nibbles: ModuleType) -> None:
    words = nibbles.pack(np.arange(8)[None], axis=1)
    assert words.dtype == np.int32
    assert words.view(np.uint32).tolist() == [[0x76543210]]


@pytest.mark.parametrize("wrong", [-1, 16])
def test_a_code_of_five_bits_is_refused(nibbles: ModuleType, wrong: int) -> None:
    with pytest.raises(ValueError, match="four bits hold 0 to 15"):
        nibbles.pack(np.full((1, 8), wrong), axis=1)


def test_a_word_that_is_not_full_is_refused(nibbles: ModuleType) -> None:
    with pytest.raises(ValueError, match="12 codes do not fill words of 8"):
        nibbles.pack(np.zeros((1, 12), dtype=np.int64), axis=1)
