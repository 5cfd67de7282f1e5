"""`bench`: measure with the prefix's vllm_gfx.bench and report the rows, or compare two files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from tools import paths, prefix
from tools.bench import cases, compare, report
from tools.bench.groups import group
from tools.bench.markdown import failure
from tools.bench.rows import RESULTS, Row, read
from tools.bench.table import table
from tools.console import out, step
from tools.errors import ToolError
from tools.install import install

MODULE = "vllm_gfx.bench"


def bench(
    target: str | None,
    arguments: Sequence[str],
    rows: Path | None,
    compared: tuple[Path, Path] | None,
    reported: tuple[Path, Path] | None,
    fail_on_regression: bool,
) -> None:
    """One of the three things that `bench` does. Raises ToolError, also for two at once."""
    if sum(map(bool, (arguments, compared, reported))) > 1:
        raise ToolError("bench does one thing at a time", "give MODEL, --compare or --report")
    if fail_on_regression and not compared:
        raise ToolError("--fail-on-regression needs --compare", "give it two files of rows")
    if compared:
        first, second = map(_callers, compared)
        compare.run(first, second, fail_on_regression)
    elif reported:
        file, folder = map(_callers, reported)
        found = read(file)
        show(found)
        report.write(found, folder)
    else:
        measure(target, arguments, _callers(rows) if rows else RESULTS)


def _callers(path: Path) -> Path:
    return paths.callers(str(path)).resolve()


def measure(target: str | None, arguments: Sequence[str], file: Path) -> None:
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
    with step("measure"):  # its own table says less than ours
        code = _engine(where, [*arguments, "--rows", str(file)], subprocess.DEVNULL)
    found = _read(file)
    if found[known:]:
        show(found[known:])
        report.write(found, report.FOLDER)
    if code:
        raise ToolError(f"{MODULE} ended with {code}", "the lines above say why")


def _read(file: Path) -> list[Row]:
    """The rows of a file that may not be there yet."""
    return read(file) if file.exists() and (file.is_dir() or file.stat().st_size) else []


def _engine(where: Path, arguments: Sequence[str], stdout: int | None) -> int:
    """Run vllm_gfx.bench of the prefix in the caller's folder; its exit code."""
    command = [str(prefix.python_of(where)), "-m", MODULE, *arguments]
    folder = paths.callers(".").resolve()
    return subprocess.run(command, env=environment(where), cwd=folder, stdout=stdout).returncode


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


def show(rows: Sequence[Row]) -> None:
    """Print the tables of `rows`, and what failed."""
    for part in group(rows):
        out.print(table(part))
    for row in cases.failures(rows):
        out.print(f"[red]failed:[/] {escape(failure(row))}")
