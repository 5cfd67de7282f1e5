"""`bench MODEL`: measure with the prefix's vllm_gfx.bench, then report the rows."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import paths, prefix
from tools.bench import report
from tools.bench.rows import RESULTS, Row, read
from tools.console import step
from tools.errors import ToolError
from tools.install import install

MODULE = "vllm_gfx.bench"
CACHES = paths.BUILD / "bench-caches"
__all__ = ["RESULTS", "run"]


def run(target: str | None, arguments: Sequence[str], file: Path) -> None:
    """Measure, append to `file`, print and draw what came of it.

    `arguments` are MODEL and flags of `python -m vllm_gfx.bench`. Raises ToolError for a file that
    is not of rows, before anything is measured, and, after reporting the rest, for a failure.
    """
    if not arguments:
        raise ToolError("no model is named", "run: python dev.py bench MODEL")
    known = len(_read(file))
    where = install(target)
    if "--help" in arguments:
        sys.exit(_engine(where, arguments, None))
    asked = [*arguments, *_caches(arguments), "--rows", str(file)]
    with step("measure") as current:
        code = _engine(where, asked, subprocess.DEVNULL)  # its own table says less than ours
        current.done(f"ended with {code}" if code else "")
    found = _read(file)
    if found[known:]:
        report.show(found[known:])
        report.write(found, report.FOLDER)
    if code:
        raise ToolError(f"{MODULE} ended with {code}", "the lines above say why")


def _read(file: Path) -> list[Row]:
    """The rows of a file that may not be there yet."""
    return read(file) if file.exists() and (file.is_dir() or file.stat().st_size) else []


def _caches(arguments: Sequence[str]) -> list[str]:
    """Compiled kernels stay in the checkout, so that rows know a cold start from a warm one."""
    given = any(argument.partition("=")[0] == "--caches" for argument in arguments)
    return [] if given else ["--caches", str(CACHES)]


def _engine(where: Path, arguments: Sequence[str], stdout: int | None) -> int:
    """Run vllm_gfx.bench of the prefix in the caller's folder; its exit code.

    Ctrl-C is the engine's to hear: it writes what it has measured, and then ends.
    """
    command = [str(prefix.python_of(where)), "-m", MODULE, *arguments]
    folder = paths.callers(".").resolve()
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(command, env=environment(where), cwd=folder, stdout=stdout).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def environment(where: Path) -> dict[str, str]:
    """Nothing is left in the user's own caches; the rows say which commit was measured."""
    extra = {"VLLM_CACHE_ROOT": str(paths.BUILD / "vllm-cache"), "VLLM_NO_USAGE_STATS": "1"}
    return prefix.environment(where, **extra, **commit())


def commit() -> dict[str, str]:
    """The variable by which an installed vllm_gfx learns of the commit; nothing without git."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(asked, cwd=paths.ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"VLLM_GFX_COMMIT": done.stdout.strip()}
