"""Our conda packages for Windows, solved and installed on Linux into a folder for Wine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from rattler import RepoDataRecord

from tools import generations, paths, solve
from tools.build import build, full_disk, only_one
from tools.console import step
from tools.install import PACKAGES
from tools.prefix import SEARCHED_ON_WINDOWS
from tools.variants import REFERENCE
from tools.windows import python, rig, wine

ACTIVATION = "etc/conda/env_vars.d"
NAME = f"{REFERENCE}-{rig.PLATFORM}"
# Modules that our programs do not import; Wine's Python compiles one when it needs it after all.
RARELY = r"/Lib/(.*/)?(tests?|models|lib2to3|pip|setuptools|win32|pythonwin|sentry_sdk|supervisor)/"


def install() -> Path:
    """Build what is needed, then install it if its packages changed; the prefix.

    Raises ToolError, for instance where Wine is absent.
    """
    wine.require()
    build([REFERENCE], rig.PLATFORM)
    with only_one(), full_disk():
        with step("Windows Python") as current:
            channel = python.ensure(current)
        with step(f"solve {REFERENCE} on {rig.PLATFORM}, for Wine") as current:
            wanted = records(channel)
            current.done(f"{len(wanted)} packages")
        with step(f"install into {paths.shown(paths.prefix(NAME))}") as current:
            if not generations.install(NAME, wanted, compile_all, platform=rig.PLATFORM):
                current.done("unchanged")
    return generations.active(NAME)


def records(channel: Path) -> list[RepoDataRecord]:
    """The packages of the prefix; Windows Python is taken from `channel`."""
    theirs = solve.channels_for(REFERENCE)
    return solve.records(PACKAGES, rig.PLATFORM, channels=[channel.as_uri(), *theirs])


def compile_all(where: Path) -> None:
    """Bytecode of the modules, by this Python, which is of the same version: Wine is slow."""
    with step("compile the modules") as current:
        command = [sys.executable, "-m", "compileall", "-q", "-q", "-j", "0", "-x", RARELY]
        command += ["-s", str(where), "-p", wine.windows_path(where), str(where / "Lib")]
        done = subprocess.run(command, capture_output=True, text=True)
        current.done("" if not done.returncode else "but for some that are not Python 3.11")


def environment(where: Path) -> dict[str, str]:
    """What activation sets in the prefix `where`; programs see it beside the rig's own."""
    searched = ";".join(wine.windows_path(where / folder) for folder in SEARCHED_ON_WINDOWS)
    found = {"WINEPATH": searched, "CONDA_PREFIX": wine.windows_path(where)}
    for file in sorted((where / ACTIVATION).glob("*.json")):
        found |= json.loads(file.read_text(encoding="utf-8"))
    return found
