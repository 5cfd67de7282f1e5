"""What the tests' own processes promise: an end, whatever the child and its children do."""

from __future__ import annotations

import subprocess
import textwrap
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import child

# A child whose own child sleeps, with its output open, and says who it is.
SLEEPER = "import pathlib, sys, time; [pathlib.Path(note).touch() for note in sys.argv[1:]]; "
SLEEPER += "time.sleep(600)"
PARENT = f"""
    import pathlib, subprocess, sys
    pid, *notes = map(pathlib.Path, sys.argv[1:])
    sleeper = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}, *notes[:1]])
    pid.write_text(str(sleeper.pid))
    print("halfway", flush=True)
"""
STUCK = """
    def stuck_here():
        notes[1].touch()
        sleeper.wait()
    stuck_here()
"""


def _code(text: str) -> str:
    return textwrap.dedent(text)


def _ends(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and child.runs(psutil.Process(pid)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _limit_after(monkeypatch: pytest.MonkeyPatch, *notes: Path) -> None:
    """Time limits of children run from when all of `notes` are there."""
    wait = subprocess.Popen.wait

    def late(process: Any, timeout: float | None = None) -> int:
        while timeout is not None and not all(note.exists() for note in notes):
            assert process.poll() is None, "it has ended"
            time.sleep(0.05)
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", late)


def test_it_waits_for_the_child_and_not_for_what_that_left_behind(tmp_path: Path) -> None:
    note, start = tmp_path / "pid", time.monotonic()
    assert child.run(["-c", _code(PARENT), str(note)], {}) == "halfway\n"
    assert time.monotonic() - start < 60
    assert _ends(int(note.read_text()))


def test_a_stuck_family_is_ended_and_says_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, notes = tmp_path / "pid", [tmp_path / "sleeper", tmp_path / "parent"]
    _limit_after(monkeypatch, *notes)
    with pytest.raises(AssertionError, match="not done within 1 s") as caught:
        child.run(["-c", _code(PARENT) + _code(STUCK), str(pid), *map(str, notes)], {}, limit=1)
    said = str(caught.value)
    assert "halfway" in said and "stuck_here" in said
    assert said.count("most recent call first") == 2, "one of the two did not say where it was"
    assert _ends(int(pid.read_text()))


def test_failures_show_what_was_said() -> None:
    with pytest.raises(AssertionError, match=r"exit code 1\n(?s:.*)ZeroDivisionError"):
        child.run(["-c", "1 / 0"], {})


def test_limit_and_logs_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(child.LOGS, str(tmp_path))
    monkeypatch.setenv(child.LIMIT, "1")
    _limit_after(monkeypatch, tmp_path / "said")
    with pytest.raises(AssertionError, match="not done within 1 s"):
        child.run(["-c", f"print('kept', flush=True); {SLEEPER}", str(tmp_path / "said")], {})
    assert "kept" in next(tmp_path.glob("child-*.log")).read_text()


def test_nothing_is_sent_from_here() -> None:
    shown = child.run(["-c", "import os; print(os.environ['VLLM_NO_USAGE_STATS'])"], {})
    assert shown == "1\n"
