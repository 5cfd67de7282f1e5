"""A checkout too deep for Windows is refused with the number of characters that it is too deep."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.trust.conftest import runs, says
from tests.trust.test_generations import put, records
from tools import generations, long_paths, paths
from tools.errors import ToolError
from tools.trust import verify


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of this module alone; paths stay those of this system."""
    monkeypatch.setattr(long_paths, "os", SimpleNamespace(name="nt"))
    monkeypatch.setattr(long_paths, "VERBATIM", "")


def test_the_installed_package_knows_the_same_limit() -> None:
    theirs = paths.ROOT / "shims" / "src" / "vllm_gfx" / "machine" / "long_paths.py"
    assert runpy.run_path(str(theirs))["LIMIT"] == long_paths.LIMIT


@pytest.mark.parametrize(
    ("path", "whole"),
    [
        (r"C:\für Müller\build", r"\\?\C:\für Müller\build"),
        (r"\\server\share\build", r"\\?\UNC\server\share\build"),
        (r"\\?\C:\build", r"\\?\C:\build"),
        (r"\\?\UNC\server\share", r"\\?\UNC\server\share"),
    ],
)
def test_a_path_of_any_length(path: str, whole: str) -> None:
    """Also on a share, where a mapped drive leads."""
    assert long_paths.verbatim(path) == whole


@pytest.mark.usefixtures("windows")
def test_too_deep_is_refused_and_removed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("one")
    names = [entry.path for entry in verify.entries(place / "cpu@1")]
    deepest = place / "cpu@2" / max(names, key=len)
    monkeypatch.setattr(long_paths, "LIMIT", len(str(deepest)) - 7)
    wanted, is_file = records("two"), Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: path != deepest and is_file(path))
    with pytest.raises(ToolError, match=r"is 7 characters shorter$") as told:
        generations.install("cpu", wanted, runs)
    assert f"has {len(str(deepest))} characters" in str(told.value)
    assert says(place / "cpu") == "one" and not (place / "cpu@2").exists()


@pytest.mark.usefixtures("windows")
def test_where_long_paths_are_allowed_they_are_used(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_paths, "LIMIT", 10)
    assert put("one") and says(place / "cpu") == "one"


def test_elsewhere_there_is_no_limit(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_paths, "LIMIT", 10)
    monkeypatch.setattr("tools.trust.verify.entries", lambda where: pytest.fail("looked"))
    long_paths.check(place)
