"""What cannot be served on Windows Python ends with 2 and one line that says what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.windows import programs
from tools.free_port import free_port
from tools.windows import run, wine

# What was asked for -> words of the line.
SITUATIONS = {
    "no drive": (r"there is no model folder Q:\models\tiny", "give a folder that exists"),
    "no drive, not from its root": ("there is no model folder Q:tiny", "give a folder that exists"),
    "no drive, long": (r"there is no model folder Q:\models\tiny", "give a folder that exists"),
    "no share": (r"there is no model folder \\nobody\nothing\tiny", "give a folder"),
    "model.safetensors is locked": ("für Müller\\model.safetensors cannot be read", "end the"),
    "config.json is locked": ("für Müller\\config.json cannot be read", "end the program"),
    "cut": ("für Müller\\model.safetensors is truncated", "download the file again"),
    "port of another system": ("of 127.0.0.1 is in use", "choose another with --port NUMBER"),
    "port": ("of 127.0.0.1 is in use", "choose another with --port NUMBER"),
}


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    """A port that a program of this Linux listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture(scope="module")
def said(taken: int) -> dict[str, Any]:
    """Of one program, which ends only when nothing is left behind in any situation."""
    model = wine.windows_path(run.python().parent / "share" / "vllm-gfx-tinylm" / "fp")
    return dict(programs.output("bad_input", model, str(taken), str(free_port())))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_one_line(said: dict[str, Any], situation: str) -> None:
    found = said[situation]
    assert found["code"] == 2, found
    assert found["out"] == ""
    (line,) = found["said"]
    assert line.startswith("vllm-gfx serve: ")
    assert [words for words in SITUATIONS[situation] if words not in line] == [], line


def test_every_situation_is_expected(said: dict[str, Any]) -> None:
    assert said.keys() == SITUATIONS.keys()
