"""What the tests' own processes promise: an end, whatever the child and its children do."""

from __future__ import annotations

import textwrap
import time
from pathlib import Path

import psutil
import pytest

from tests.support import child

# A child whose own child sleeps, with its output open, and says who it is.
PARENT = """
    import pathlib, subprocess, sys
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path(sys.argv[1]).write_text(str(sleeper.pid))
    print("halfway", flush=True)
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


def test_it_waits_for_the_child_and_not_for_what_that_left_behind(tmp_path: Path) -> None:
    note, start = tmp_path / "pid", time.monotonic()
    assert child.run(["-c", _code(PARENT), str(note)], {}) == "halfway\n"
    assert time.monotonic() - start < 60
    assert _ends(int(note.read_text()))


def test_a_stuck_family_is_ended_and_says_where_it_was(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    stuck = _code(PARENT) + "def stuck_here():\n    sleeper.wait()\nstuck_here()\n"
    with pytest.raises(AssertionError, match="not done within 3 s") as caught:
        child.run(["-c", stuck, str(note)], {}, limit=3)
    said = str(caught.value)
    assert "halfway" in said and "stuck_here" in said
    assert said.count("most recent call first") == 2, "one of the two did not say where it was"
    assert _ends(int(note.read_text()))


def test_failures_show_what_was_said() -> None:
    with pytest.raises(AssertionError, match=r"exit code 1\n(?s:.*)ZeroDivisionError"):
        child.run(["-c", "1 / 0"], {})


def test_limit_and_logs_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(child.LOGS, str(tmp_path))
    monkeypatch.setenv(child.LIMIT, "1")
    with pytest.raises(AssertionError, match="not done within 1 s"):
        child.run(["-c", "import time; print('kept', flush=True); time.sleep(60)"], {})
    assert "kept" in next(tmp_path.glob("child-*.log")).read_text()


def test_nothing_is_sent_from_here() -> None:
    shown = child.run(["-c", "import os; print(os.environ['VLLM_NO_USAGE_STATS'])"], {})
    assert shown == "1\n"
