"""A copy of this checkout that Windows Python uses, in a folder with an odd name.

Its .venv is the Windows prefix under another name, with two libraries beside it: Windows Python
made of wheels cannot make one.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

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

    @property
    def env(self) -> dict[str, str]:
        return {"PYTHONPATH": wine.windows_path(self.libraries)}

    @property
    def door(self) -> list[str]:
        """The program `python dev.py`, as Windows Python names it."""
        return [wine.windows_path(run.python()), wine.windows_path(self.root / "dev.py")]

    def run(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Windows Python with `code`, from the folder above the checkout."""
        return run.run(["-c", code, *arguments], self.env, self.root.parent, SECONDS)

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


def make(folder: Path, wheels: Path) -> Checkout:
    """A checkout below `folder`; `wheels` is an empty folder."""
    root = folder / NAME
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
    lines = [f"{name}=={importlib.metadata.version(name)}" for name in LACKING]  # as in .venv
    pip.download(lines, wheels, platforms.get(rig.PLATFORM), hashes=False)
    for wheel in wheels.iterdir():
        zipfile.ZipFile(wheel).extractall(made.libraries)
    done = made.run(STAMP, wine.windows_path(root))
    assert done.returncode == 0, done.stderr
    return made
