"""Where a process cannot be replaced, the one that waits passes everything on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import dev
from tests.support.after_ctrl_c import CODE, LAST_WORD, SLOW_TO_END
from tools import become, paths

OUTLAST = (
    "import os, sys; from tools.become import outlast; sys.exit(outlast({command}, os.environ))"
)


def _waiting(program: str) -> subprocess.Popen[str]:
    """A process that outlasts `program`; both hear what is sent to their group, as in a console."""
    code = OUTLAST.format(command=[sys.executable, "-c", program])
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.skipif(os.name == "nt", reason="tests/windows has Windows' own")
def test_ctrl_c_is_left_to_the_program() -> None:
    with _waiting(SLOW_TO_END) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=60)
        assert said == LAST_WORD and process.returncode == CODE


@pytest.mark.parametrize("code", [0, 1, 130])
def test_the_exit_code_is_the_programs(code: int) -> None:
    with _waiting(f"raise SystemExit({code})") as process:
        assert process.wait(60) == code


def test_a_code_of_windows_fits_a_signed_int(monkeypatch: pytest.MonkeyPatch) -> None:
    """0xC000013A, of a program that Ctrl-Break ended, else becomes -1."""
    ended = SimpleNamespace(wait=lambda: 0xC000013A)
    monkeypatch.setattr(become, "subprocess", SimpleNamespace(Popen=lambda *_, **__: ended))
    monkeypatch.setattr(become, "LEFT_TO_THE_PROGRAM", ())
    assert become.outlast([], {}) & 0xFFFFFFFF == 0xC000013A


def test_both_doors_become_their_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(dev, "become", lambda command, env: asked.append((command, env)))
    monkeypatch.setattr(dev, "ensure", lambda _: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INIT_CWD", raising=False)
    dev.main(["serve", "ein Modell [ü]", "--port", "1"])
    ((command, env),) = asked
    assert command[1:] == ["-m", "tools", "serve", "ein Modell [ü]", "--port", "1"]
    assert env["INIT_CWD"] == str(tmp_path) and env["PYTHONUTF8"] == "1"
