"""Runs a program of an installed prefix in place of this process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tools import generations, paths, prefix
from tools.become import become
from tools.console import err
from tools.errors import ToolError
from tools.variants import REFERENCE, chosen, install_command

DOCTOR = paths.ROOT / "shims" / "src" / "vllm_gfx" / "doctor" / "__main__.py"


def doctor(target: str | None, arguments: Sequence[str]) -> NoReturn:
    """The doctor of the prefix; where there is none, the same file without any package.

    Raises ToolError for an unknown target.
    """
    chosen([target] if target else None)
    where = generations.active(target or REFERENCE)
    if is_installed(where, "vllm-gfx"):
        run(target, ["vllm-gfx", "doctor", *arguments])
    err.print(f"{paths.shown(where)} is not installed; run: {install_command(target)}")
    # -P: what lies beside the file must not hide the standard library's
    sys.exit(subprocess.run([sys.executable, "-P", str(DOCTOR), *arguments]).returncode)


def is_installed(where: Path, program: str) -> bool:
    """Whether the prefix `where` is complete and has `program`."""
    return (where / prefix.LIST).is_file() and prefix.program_of(where, program).is_file()


def run(target: str | None, command: Sequence[str]) -> NoReturn:
    """Run `command` of the prefix of `target` from the caller's folder; never returns.

    Raises ToolError if the prefix is not installed.
    """
    chosen([target] if target else None)
    where = generations.active(target or REFERENCE)
    program = prefix.program_of(where, command[0])
    if not is_installed(where, command[0]):
        raise ToolError(f"{paths.shown(where)} is not installed", f"run: {install_command(target)}")
    os.chdir(paths.callers("."))
    environment = prefix.environment(where)
    become([str(program), *command[1:]], environment)
