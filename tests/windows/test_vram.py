"""The reader of GPU memory on Windows Python: with Windows' structures, and without counters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vram import fake_pdh
from tests.windows import programs
from tools import paths
from tools.windows import run

ABSENT = r"\GPU Process Memory(*)\Shared Usage: Windows has no such counter here (0xC0000BB9)"


def test_the_readers_own_tests() -> None:
    """Those of Linux on a DLL that was compiled with Windows' own pdh.h: the layout is its."""
    fake_pdh.build("win32")
    command = ["-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider"]
    done = run.run([*command, "tests/vram/test_pdh.py"], cwd=paths.ROOT, timeout=120)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert int(done.stdout.rpartition(" passed")[0].split()[-1]) >= 10


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    return dict(programs.output("vram"))


def test_wine_has_the_library_and_no_such_counter(said: dict[str, Any]) -> None:
    """When this fails, Wine has learned to count GPU memory: watch an engine under it."""
    assert said["spills"] is True
    assert said["doctor"] == {"GPU memory by process": f"could not tell: {ABSENT}"}
    (finding,) = said["finding"]
    assert finding.startswith("warning: Windows' counters of GPU memory cannot be read")
    assert "lodctr /R" in finding


def test_an_engine_that_cannot_be_watched_says_so_once(said: dict[str, Any]) -> None:
    line = f"a spill of GPU memory to system memory would not be noticed: {ABSENT}"
    assert said["engine"] == [line]
    assert said["without a GPU"] == [], "the cpu target has nothing to watch"


def test_one_that_is_to_refuse_does_not_start_blind(said: dict[str, Any]) -> None:
    assert said["refuse"] == (
        f"VLLM_GFX_ON_SPILL=refuse, but nothing tells of a spill here: {ABSENT}; unset it"
    )
