"""Wine's own processes are started once for all blocks that overlap; `wine` is a script here."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import NoReturn

import pytest

from tools.windows import desktop

SECONDS = 60
WINE = """#!/bin/sh
echo "$1" >> "$LOG"
case "$1" in cmd) cat; echo ended >> "$LOG" ;; esac
"""
STARTED = ["cmd", "rundll32"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows needs no Wine")


class Wine:
    def __init__(self, folder: Path) -> None:
        self.program, self.log = folder / "wine", folder / "log"
        self.program.write_text(WINE, encoding="utf-8")
        self.program.chmod(0o755)
        self.log.touch()

    def kept(self) -> AbstractContextManager[None]:
        return desktop.kept(str(self.program), {**os.environ, "LOG": str(self.log)})

    def said(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").split()

    def until(self, said: list[str]) -> None:
        end = time.monotonic() + SECONDS
        while sorted(self.said()) != sorted(said):
            assert time.monotonic() < end, self.said()
            time.sleep(0.02)


@pytest.fixture
def wine(tmp_path: Path) -> Wine:
    return Wine(tmp_path)


def test_blocks_that_overlap_share_them(wine: Wine) -> None:
    first, second = ExitStack(), ExitStack()
    first.enter_context(wine.kept())
    second.enter_context(wine.kept())
    first.close()
    wine.until(STARTED)
    second.close()
    assert sorted(wine.said()) == sorted([*STARTED, "ended"])
    with wine.kept():
        wine.until([*STARTED, "ended", *STARTED])


def _interrupted(*_: object, **__: object) -> NoReturn:
    raise KeyboardInterrupt


def test_none_is_left_by_a_block_that_was_not_entered(
    wine: Wine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "run", _interrupted)
        with suppress(KeyboardInterrupt), wine.kept():
            pass
    wine.until(["cmd", "ended"])
    with wine.kept():
        wine.until(["cmd", "ended", *STARTED])
