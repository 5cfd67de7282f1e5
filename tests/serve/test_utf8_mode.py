"""A start without UTF-8 mode; tests/windows/test_utf8_mode.py does it on Windows Python."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from vllm_gfx import utf8_mode

PROGRAM = """
import sys
from vllm_gfx import utf8_mode
if not sys.flags.utf8_mode:
    sys.exit(utf8_mode.restart())
print(sys.flags.utf8_mode, sys.argv[1:])
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("platform", "mode", "variable", "needed"),
    [
        ("win32", 0, None, True),
        ("win32", 0, "", True),
        ("win32", 0, "0", False),  # asked for
        ("win32", 1, "1", False),
        ("linux", 0, None, False),
    ],
)
def test_when_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, platform: str, mode: int, variable: str | None, needed: bool
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys, "flags", SimpleNamespace(utf8_mode=mode))
    monkeypatch.setenv(utf8_mode.VARIABLE, variable or "")
    if variable is None:
        monkeypatch.delenv(utf8_mode.VARIABLE)
    assert utf8_mode.is_needed() is needed


def test_the_program_starts_again_with_its_arguments_and_ends_as_it_ends() -> None:
    env = {**os.environ, utf8_mode.VARIABLE: "0"}
    command = [sys.executable, "-c", PROGRAM, "7", "ü b"]
    done = subprocess.run(command, env=env, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stdout) == (7, "1 ['7', 'ü b']\n"), done.stderr
