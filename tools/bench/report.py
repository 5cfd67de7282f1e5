"""Rows on the terminal, and in a folder: PNG plots and one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from tools import paths
from tools.bench import cases, html, plots
from tools.bench.groups import group
from tools.bench.markdown import failure
from tools.bench.rows import Row, read
from tools.bench.table import table
from tools.console import out, step
from tools.errors import ToolError, is_no_space, no_space

FOLDER = paths.BUILD / "bench"
PAGE = "report.html"


def show(rows: Sequence[Row]) -> None:
    """Print the tables of `rows`, and what failed."""
    for part in group(rows):
        out.print(table(part, out))
    for row in cases.failures(rows):
        out.print(f"[red]failed:[/] {escape(failure(row))}")


def of_file(file: Path, folder: Path) -> None:
    """Print the rows of `file` and draw them into `folder`. Raises ToolError."""
    rows = read(file)
    show(rows)
    write(rows, folder)


def write(rows: Sequence[Row], folder: Path) -> Path:
    """Draw `rows` into `folder`, which is made; the page's path.

    Raises ToolError if the folder cannot be written.
    """
    groups = group(rows)
    page = folder / PAGE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with step(f"report in {paths.shown(folder)}") as current:
            drawn = plots.draw(groups, folder)
            page.write_text(html.page(rows, groups, drawn), encoding="utf-8", newline="\n")
            current.done(f"{len(drawn)} plots, {page.name}")
    except OSError as error:
        if is_no_space(error):
            raise no_space(paths.shown(folder)) from None
        what = f"cannot write {paths.shown(folder)}: {error.strerror}"
        raise ToolError(what, "name a folder to write to") from None
    out.print(f"open {page}")
    return page
