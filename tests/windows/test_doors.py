"""`python dev.py` on Windows Python: from cmd, in a folder with an odd name.

What it serves is asked in test_serve.py. PowerShell is not in Wine.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.support.after_ctrl_c import CODE, LAST_WORD, SLOW_TO_END
from tests.windows import programs
from tests.windows.checkout import NAME, SECONDS, Checkout
from tools.windows import run, wine


def test_help(checkout: Checkout) -> None:
    done = checkout.cmd(f'python "{NAME}\\dev.py" --help')
    assert done.returncode == 0 and "Serve MODEL on 127.0.0.1" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("model", "seen"),
    [
        (r"\\?\Q:\für Müller & Söhne\50%", r"Q:\für Müller & Söhne\50%"),
        (r".\no such ~ $HOME * [1]", r".\no such ~ $HOME * [1]"),
    ],
)
def test_a_model_reaches_the_program_as_it_was_written(
    checkout: Checkout, model: str, seen: str
) -> None:
    """From cmd through dev.py, the tools and the .exe of the prefix; its line and its code back."""
    done = checkout.cmd(f'python "{NAME}\\dev.py" serve "{model}"')
    assert done.stderr.splitlines() == [
        f"vllm-gfx serve: there is no model folder {seen}; give a folder that exists, or a hub name"
    ], done.stdout
    assert done.returncode == 2


def test_what_is_not_installed_is_one_line(checkout: Checkout) -> None:
    done = checkout.cmd(f'python "{NAME}\\dev.py" serve --target gfx1100 x')
    what, remedy = "build\\env\\gfx1100 is not installed", "python dev.py install --target gfx1100"
    assert done.stderr.splitlines() == [f"error: {what}; run: {remedy}"]
    assert done.returncode == 1


def test_an_exit_code_of_windows_is_passed_on(checkout: Checkout) -> None:
    """STATUS_CONTROL_C_EXIT, which sys.exit alone would turn into -1."""
    code = (
        "import sys, os; sys.path.insert(0, sys.argv[1]); from tools.become import become;"
        "become([sys.executable, '-c', 'import os; os._exit(-1073741510)'], os.environ)"
    )
    outer = (
        "import subprocess, sys;"
        "print(hex(subprocess.call([sys.executable, '-c', sys.argv[1], sys.argv[2]])))"
    )
    done = checkout.run(outer, code, wine.windows_path(checkout.root))
    assert done.stdout == "0xc000013a\n", done.stderr


JUNCTION = """
import _winapi, os, tempfile
with tempfile.TemporaryDirectory() as folder:
    os.mkdir(os.path.join(folder, "there"))
    try:
        _winapi.CreateJunction(os.path.join(folder, "there"), os.path.join(folder, "link"))
    except OSError as error:
        print(error.winerror)
"""
NOT_SUPPORTED = 50  # of the file system; on Windows that of a memory stick


def test_wine_has_no_junctions() -> None:
    """When this fails let test_generations.py's simulated ones be real ones here."""
    done = run.run(["-c", JUNCTION], timeout=SECONDS)
    assert done.stdout == f"{NOT_SUPPORTED}\n", done.stderr


BECOME = """
import os, sys
sys.path.insert(0, sys.argv[1])
from tools.become import become
become([sys.executable, "-c", sys.argv[2]], os.environ)
"""


def test_ctrl_c_is_left_to_the_program(checkout: Checkout) -> None:
    """The console tells both; the one that waits neither ends nor kills the other."""
    console = wine.windows_path(Path(programs.__file__).with_name("console.py"))
    waiting = [wine.windows_path(run.python()), "-c", BECOME, wine.windows_path(checkout.root)]
    with run.started([console, *waiting, SLOW_TO_END]) as process:
        assert process.stdin and process.stdout
        limit = threading.Timer(SECONDS, _end, [process.tag])
        limit.daemon = True
        limit.start()
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("ctrl-c\n")
        process.stdin.flush()
        said = [process.stdout.readline() for _ in range(2)]
        assert said == [LAST_WORD, f"ended with {CODE}\n"]
        limit.cancel()


def _end(tag: str) -> None:
    """Then the test reads an end of file, and fails."""
    for process in run.left(tag):
        process.kill()
