"""Halves of the tests run at the same time, are printed in turn, and end together on Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tools import halves, paths
from tools.halves import Half, Sums

# A test that ends only when the other half has begun, and prints before and after.
MEET = """
import pathlib, time

def test_it():
    print("begin {me}")
    pathlib.Path("{me}").touch()
    until = time.monotonic() + 60
    while not pathlib.Path("{other}").exists():
        assert time.monotonic() < until, "alone"
        time.sleep(0.05)
    print("end {me}")
"""
SLEEP = (
    "import pathlib, time\ndef test_it():\n    pathlib.Path('{me}').touch()\n    time.sleep(600)\n"
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(halves, "REPORTS", tmp_path / "reports")
    return tmp_path


def _half(place: Path, me: str, code: str, python: str = sys.executable) -> Half:
    file = place / f"test_{me}.py"
    file.write_text(code)
    return Half(me, Path(python), ["-q", "-s", str(file)], dict(os.environ))


def _pair(place: Path) -> list[Half]:
    pairs = (("a", "b"), ("b", "a"))
    return [_half(place, me, MEET.format(me=me, other=other)) for me, other in pairs]


def test_they_run_at_once_and_print_in_turn(
    place: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda: 2)
    one, two = _pair(place)
    assert halves.run([[one], [two]]) == Sums(passed=2)
    said = capfdbinary.readouterr().out.decode()
    places = [said.index(f"{word} {me}") for me in "ab" for word in ("begin", "end")]
    assert places == sorted(places)


def test_one_processor_takes_them_one_after_the_other(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda: 1)
    first = _half(place, "a", MEET.format(me="a", other="a"))
    second = _half(place, "b", "import pathlib\ndef test_it(): assert pathlib.Path('a').exists()")
    assert halves.run([[first], [second]]) == Sums(passed=2)


def test_a_lane_goes_on_after_a_failure(place: Path) -> None:
    crash = _half(place, "a", "import os\ndef test_it(): os._exit(0)")
    good = _half(place, "b", "def test_it(): pass")
    other = _half(place, "c", "import pytest\ndef test_it(): pytest.skip('no')")
    assert halves.run([[crash, good], [other]]) == Sums(passed=1, failed=1, skipped=1)


def test_each_has_one_thread(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    code = "import os\ndef test_it(): assert os.environ['OMP_NUM_THREADS'] == '1'"
    assert halves.run([[_half(place, "a", code)]]) == Sums(passed=1)


def test_a_python_that_is_not_there_is_an_error(place: Path) -> None:
    bad = _half(place, "a", "", python=str(place / "nothing"))
    good = _half(place, "b", "def test_it(): pass")
    with pytest.raises(FileNotFoundError):
        halves.run([[bad, good], [good]])


RUN = """
import sys, os
from pathlib import Path
from tools import halves, paths
from tools.halves import Half
paths.ROOT = Path(sys.argv[1])
halves.REPORTS = paths.ROOT / "reports"
halves.GRACE_SECONDS = 1.0
halves.run([
    [Half(me, Path(sys.executable), ["-q", f"test_{me}.py"], dict(os.environ))] for me in "ab"
])
"""


@pytest.mark.skipif(os.name == "nt", reason="a console's Ctrl-C cannot be sent to one process")
def test_ctrl_c_leaves_none(place: Path) -> None:
    """Sent to the tool alone: a terminal sends it to the halves too, which end sooner then."""
    for me in "ab":
        (place / f"test_{me}.py").write_text(SLEEP.format(me=me))
    env = {**os.environ, "PYTHONPATH": str(Path(halves.__file__).parents[1])}
    command = [sys.executable, "-c", RUN, str(place)]
    with subprocess.Popen(
        command, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as tool:
        until = time.monotonic() + 60
        while not all((place / me).exists() for me in "ab"):
            assert time.monotonic() < until and tool.poll() is None
            time.sleep(0.05)
        below = psutil.Process(tool.pid).children(recursive=True)
        tool.send_signal(signal.SIGINT)
        _, stderr = tool.communicate(timeout=60)
    assert b"stopping what runs" in stderr and tool.returncode
    assert len(below) >= 2 and not any(process.is_running() for process in below)
