"""Runs a program of an installed prefix in place of this process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from tools import paths, prefix
from tools.errors import ToolError
from tools.variants import REFERENCE, chosen


def run(target: str | None, command: Sequence[str]) -> None:
    """Run `command` of the prefix of `target` from the caller's folder; never returns.

    Raises ToolError if the prefix is not installed.
    """
    chosen([target] if target else None)
    where = paths.prefix(target or REFERENCE)
    program = prefix.scripts_of(where) / command[0]
    if not (where / prefix.LIST).is_file():
        raise ToolError(f"{paths.shown(where)} is not installed", "run: python dev.py install")
    os.chdir(paths.callers("."))
    environment = prefix.environment(where)
    if os.name == "nt":  # exec does not replace the process there
        sys.exit(subprocess.run([str(program), *command[1:]], env=environment).returncode)
    os.execve(program, [str(program), *command[1:]], environment)
