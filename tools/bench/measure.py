"""`bench MODEL`: measure with the prefix's vllm_gfx.bench, then report the rows."""

from __future__ import annotations

import json
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
MEASURED = report.FOLDER / "measured.jsonl"  # what the engine writes
__all__ = ["RESULTS", "run"]


def run(target: str | None, arguments: Sequence[str], file: Path) -> None:
    """Measure, append rows to `file`, print them and draw all of `file`.

    `arguments` are MODEL and flags of `python -m vllm_gfx.bench`. Raises ToolError for a file that
    is not of rows, before anything is measured, and, after reporting the rest, for a failure.
    """
    if not arguments:
        raise ToolError("no model is named", "run: python dev.py bench MODEL")
    if file.is_dir() or _holds_something(file):
        read(file)
    where = install(target)
    if "--help" in arguments:
        sys.exit(_engine(where, arguments, None))
    MEASURED.parent.mkdir(parents=True, exist_ok=True)
    MEASURED.unlink(missing_ok=True)
    asked = [*arguments, *_caches(arguments), "--rows", str(MEASURED)]
    with step("measure") as current:
        code = _engine(where, asked, subprocess.DEVNULL)  # its own table says less than ours
        current.done(f"ended with {code}" if code else "")
    if _holds_something(MEASURED):
        report.show(_append(MEASURED, file))
        report.write(read(file), report.FOLDER)
    if code:
        raise ToolError(f"{MODULE} ended with {code}", "the lines above say why")


def _holds_something(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


def _append(measured: Path, file: Path) -> list[Row]:
    """The rows of `measured`, checked and appended to `file` with the commit of this checkout.

    An installed vllm_gfx does not know of which commit it was built.
    """
    read(measured)
    found = list(map(json.loads, measured.read_text("utf-8").splitlines()))
    known = commit()
    lines = [json.dumps({**row, "commit": row["commit"] or known}) + "\n" for row in found]
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8", newline="\n") as rows:
        rows.writelines(lines)
    return read(file)[-len(lines) :]


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
    """Nothing is left in the user's own caches."""
    extra = {"VLLM_CACHE_ROOT": str(paths.BUILD / "vllm-cache"), "VLLM_NO_USAGE_STATS": "1"}
    return prefix.environment(where, **extra)


def commit() -> str:
    """The commit of this checkout, with -dirty if files differ from it; empty without git."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(asked, cwd=paths.ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
