"""A plug-in of vLLM's that a test writes, in a folder for the PYTHONPATH of servers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def write(folder: Path, name: str, text: str) -> None:
    """A module `name` with the code `text`, whose `register()` vLLM calls in every process."""
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    entry = f"[vllm.general_plugins]\n{name} = {name}:register\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")


def path(folder: Path) -> str:
    """PYTHONPATH as it is, and `folder`."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


def install(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that this test starts have the plug-in."""
    write(folder, name, text)
    monkeypatch.setenv("PYTHONPATH", path(folder))
