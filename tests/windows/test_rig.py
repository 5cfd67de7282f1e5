"""The rig itself: what the other tests here stand on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.windows import programs
from tools import paths, solve
from tools.errors import ToolError
from tools.install import USED
from tools.solve import channels_for
from tools.variants import chosen
from tools.windows import rig, run, wine
from tools.windows.prefix import NAME

ODD = "a ü\u4e2d"


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """What programs/rig.py says."""
    return dict(programs.output("rig", ODD, "b c"))


def test_it_is_windows_python(said: dict[str, Any]) -> None:
    assert said["platform"] == "win32"
    assert said["version"] == rig.python()
    assert said["windows"] == "10"
    assert said["prefix"] == wine.windows_path(run.python().parent)
    assert said["arguments"] == [ODD, "b c"]


def test_all_that_vllm_imports_unasked_is_there(said: dict[str, Any]) -> None:
    assert not said["failed"]


def test_torch_computes_and_its_exceptions_are_caught(said: dict[str, Any]) -> None:
    assert said["product"] == 64.0**3
    assert "mat1 and mat2 shapes cannot be multiplied" in said["thrown"]


def test_output_and_exit_code_are_passed_on() -> None:
    code = "import sys; print('äout'); print('err', file=sys.stderr); sys.exit(7)"
    done = run.run(["-c", code], timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (7, "äout\n", "err\n")


def test_the_command_relays_and_takes_the_callers_modules(tmp_path: Path) -> None:
    (tmp_path / "lent.py").write_text("import sys; NAME = sys.platform\n", encoding="utf-8")
    code = "import lent, sys; print(lent.NAME); print(sys.argv[1:], file=sys.stderr); sys.exit(3)"
    done = subprocess.run(
        [sys.executable, "-m", "tools.windows", "-c", code, ODD],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "win32\n", f"{[ODD]}\n")


def test_entry_points_are_programs() -> None:
    program = wine.windows_path(run.python().with_name("Scripts") / "f2py.exe")
    code = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
    done = run.run(["-c", code, program, "-v"], timeout=60)
    assert (done.returncode, done.stdout) == (0, "2.0.2\n")


CHILD = """
import subprocess, sys, time
sleep = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
child = subprocess.Popen(sleep, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
print(child.stdout.readline().decode().strip(), flush=True)
time.sleep(600)
"""


def test_what_a_program_started_ends_with_the_block() -> None:
    with run.started(["-c", CHILD]) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        assert len(run.left(process.tag)) == 2
    assert run.left(process.tag) == []


def test_what_ends_while_it_is_asked_for_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(process: psutil.Process) -> str:
        raise psutil.NoSuchProcess(process.pid)

    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE, env={run.TAG: "waits"}) as process:
        assert [found.pid for found in run.left("waits")] == [process.pid]
        monkeypatch.setattr(psutil.Process, "status", ended)
        assert run.left("waits") == []
        process.kill()


def test_what_replaces_its_program_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile Linux shows neither its arguments nor its environment."""
    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE, env={run.TAG: "waits"}) as process:
        environ, arguments = psutil.Process.environ, psutil.Process.cmdline
        looks = 3

        def shown_arguments(asked: psutil.Process) -> list[str]:
            nonlocal looks
            looks -= asked.pid == process.pid
            return [] if asked.pid == process.pid and looks > 0 else arguments(asked)

        def shown_environment(asked: psutil.Process) -> dict[str, str]:
            return {} if asked.pid == process.pid and looks > 0 else environ(asked)

        monkeypatch.setattr(psutil.Process, "cmdline", shown_arguments)
        monkeypatch.setattr(psutil.Process, "environ", shown_environment)
        assert [found.pid for found in run.left("waits")] == [process.pid]
        process.kill()


DESKTOP = "import ctypes; print(ctypes.windll.user32.GetDesktopWindow() != 0)"


def test_no_program_is_waited_for_by_those_who_read_another() -> None:
    """Wine's desktop would inherit the stream, and stay as long as any program does."""
    with run.started(["-c", "print('up', flush=True); input()"]) as waits:
        assert waits.stdout and waits.stdout.readline() == "up\n"
        assert run.run(["-c", DESKTOP], timeout=60).stdout == "True\n"
        assert waits.poll() is None


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run.run(["-c", "import time; time.sleep(600)"], timeout=5)


def test_nothing_of_the_rig_can_be_passed_on() -> None:
    for target in [None, *(variant.name for variant in chosen(None))]:
        assert rig.CHANNEL.as_uri() not in channels_for(target)
        assert target != NAME
    records = solve.records(USED, rig.PLATFORM, channels=channels_for(None))
    (python,) = [record for record in records if record.name.normalized == "python"]
    assert not (rig.CHANNEL / rig.PLATFORM / python.file_name).exists()


def test_a_machine_without_wine_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wine, "PROGRAM", tmp_path / "wine64")
    with pytest.raises(ToolError, match="apt-get install --no-install-recommends wine64"):
        wine.require()
