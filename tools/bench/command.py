"""`bench`: measure and report, report rows that are there, or compare two files of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tools import paths
from tools.errors import ToolError


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
        from tools.bench import compare

        first, second = map(_callers, compared)
        compare.run(first, second, fail_on_regression)
    elif reported:
        from tools.bench import report

        report.of_file(*map(_callers, reported))
    else:
        from tools.bench import measure

        measure.run(target, arguments, _callers(rows) if rows else measure.RESULTS)


def _callers(path: Path) -> Path:
    return paths.callers(str(path)).resolve()
