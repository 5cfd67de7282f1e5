"""Rows into a folder: PNG plots and one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tools import paths
from tools.bench import html, plots
from tools.bench.groups import group
from tools.bench.rows import Row
from tools.console import out, step
from tools.errors import ToolError, is_no_space, no_space

FOLDER = paths.BUILD / "bench"
PAGE = "report.html"


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
