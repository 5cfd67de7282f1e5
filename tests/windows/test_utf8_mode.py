"""`vllm-gfx` of an environment that is not activated: Windows' own encoding is a code page."""

from __future__ import annotations

from tools import paths
from tools.windows import run, wine

PROGRAM = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
MODE = "import sys; print(sys.flags.utf8_mode)"
OFF = {"PYTHONUTF8": ""}  # as if it were not set


def test_this_windows_has_a_code_page() -> None:
    assert run.run(["-c", MODE], OFF, timeout=60).stdout == "0\n"
    assert run.run(["-c", MODE], timeout=60).stdout == "1\n"  # by what activation sets


def test_it_reads_and_writes_utf_8() -> None:
    program = wine.windows_path(run.python().with_name("Scripts") / "vllm-gfx.exe")
    done = run.run(["-c", PROGRAM, program, "serve", ".\\Łódź 中"], OFF, paths.BUILD, timeout=120)
    said = "vllm-gfx serve: there is no model folder .\\Łódź 中; give a folder"
    assert done.stderr.startswith(said), done.stderr
    assert done.returncode == 2
