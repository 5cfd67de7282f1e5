"""What a row says of where it was measured."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

import pytest
from vllm_gfx.bench import facts, rows
from vllm_gfx.machine import drivers


def test_versions_name_everything() -> None:
    found = facts.versions()
    assert list(found) == list(rows.VERSIONS)
    assert found["torch"] and found["vllm"]


def test_triton_has_another_name_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "triton":
            raise metadata.PackageNotFoundError(name)
        return f"that of {name}"

    monkeypatch.setattr(facts.metadata, "version", version)
    assert facts.versions()["triton"] == "that of triton-windows"
    assert facts.versions()["vllm"] == "that of vllm"


def test_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"kernel": "6.18", "amdgpu": "6.19.1", "nvidia": "580.1"}
    monkeypatch.setattr(drivers, "found", lambda: told)
    assert facts.driver(of_amd=False) == "580.1"
    assert facts.driver(of_amd=True) == "amdgpu 6.19.1, kernel 6.18"
    monkeypatch.setattr(drivers, "found", dict)
    assert facts.driver(of_amd=False) is None


def test_a_copy_that_git_does_not_know_has_no_commit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@t"]
    tracked, copied = tmp_path / "facts.py", tmp_path / "copy.py"
    for path in (tracked, copied):
        path.touch()
    for command in (["init", "-q"], ["add", "facts.py"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(facts, "__file__", str(copied))
    assert facts.commit() == ""
    monkeypatch.setattr(facts, "__file__", str(tracked))
    assert len(facts.commit()) == 12


def test_a_copy_moves_more_than_nothing() -> None:
    assert 0.1 < facts.copy_gb_s() < 10_000
