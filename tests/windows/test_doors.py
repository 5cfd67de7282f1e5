"""`python dev.py serve MODEL` on Windows Python: from cmd, in a folder with an odd name.

The checkout is a copy. Its .venv is the Windows prefix under another name, with two libraries
beside it: Windows Python made of wheels cannot make one. PowerShell is not in Wine.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.windows import programs
from tools import paths
from tools.standin import pip, platforms
from tools.windows import rig, run, wine

LACKING = ("backports.zstd", "py-rattler")  # what the rig lacks of .venv
SECONDS = 120.0
USED = ("dev.py", "pins.yaml", "tools", "variants")
NAME = "Prüfung für Müller & Söhne [1]"


@dataclass(frozen=True)
class Checkout:
    """A copy of this one that Windows Python uses; `libraries` is what its .venv has more."""

    root: Path
    libraries: Path

    def run(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Windows Python with `code`, from the folder above the checkout."""
        env = {"PYTHONPATH": wine.windows_path(self.libraries)}
        return run.run(["-c", code, *arguments], env, self.root.parent, SECONDS)

    def cmd(self, line: str) -> subprocess.CompletedProcess[str]:
        """What cmd says to `line`, where `python` is Windows Python."""
        return self.run(CMD, line)


# cmd reads the whole line itself, so Python must not quote it.
CMD = """
import os, subprocess, sys
os.environ["PATH"] = os.path.dirname(sys.executable) + ";" + os.environ["PATH"]
sys.exit(subprocess.call("cmd /d /s /c \\"" + sys.argv[1] + "\\""))
"""
STAMP = """
import sys
sys.path.insert(0, sys.argv[1])
import dev
dev.STAMP.write_text(dev.wanted(), encoding="utf-8")
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    root = tmp_path_factory.mktemp("doors") / NAME
    for name in USED:
        source = paths.ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        copy(source, root / name)
    installed = root / "build" / "env" / "cpu@1"
    installed.parent.mkdir(parents=True)
    installed.symlink_to(run.python().parent.resolve(), target_is_directory=True)
    installed.with_name("cpu.json").write_text(json.dumps({"active": "cpu@1", "previous": None}))
    (root / ".venv").mkdir()
    (root / ".venv" / "Scripts").symlink_to(installed, target_is_directory=True)
    made = Checkout(root, root.with_name("libraries"))
    wheels = tmp_path_factory.mktemp("wheels")
    lines = [f"{name}=={importlib.metadata.version(name)}" for name in LACKING]  # as in .venv
    pip.download(lines, wheels, platforms.get(rig.PLATFORM), hashes=False)
    for wheel in wheels.iterdir():
        zipfile.ZipFile(wheel).extractall(made.libraries)
    done = made.run(STAMP, wine.windows_path(root))
    assert done.returncode == 0, done.stderr
    return made


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


SLOW_TO_END = """
import signal, sys, time
def end(*_):
    time.sleep(2)
    print("tidied up", flush=True)
    sys.exit(7)
signal.signal(signal.SIGINT, end)
print("ready", flush=True)
while True:
    time.sleep(0.1)
"""
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
        assert [process.stdout.readline() for _ in range(2)] == ["tidied up\n", "ended with 7\n"]
        limit.cancel()


def _end(tag: str) -> None:
    """Then the test reads an end of file, and fails."""
    for process in run.left(tag):
        process.kill()
