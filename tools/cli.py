"""The tasks of this repository. `python dev.py TASK` and `pixi run TASK` both end here."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from rich.markup import escape

from tools import paths
from tools.console import err
from tools.errors import ToolError

app = typer.Typer(
    help="Build, install, try and test the channel.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Target = Annotated[
    list[str] | None, typer.Option(help="A target of variants/; may be repeated. Default: all.")
]
OneTarget = Annotated[
    str | None, typer.Option(help="A target of variants/. Default: none asked for, which is cpu.")
]
INTERRUPTED = 130  # what typer exits with on Ctrl-C
Passed = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command()
def build(
    target: Target = None,
    platform: Annotated[
        str | None, typer.Option(help="Also prove that it solves there, e.g. win-64.")
    ] = None,
) -> None:
    """Build every package into build/channel; what has not changed is kept."""
    from tools.build import build as run

    run(target, platform)


@app.command()
def fetch() -> None:
    """Download the pinned sources into build/sources and check the patches on them."""
    from tools.build import fetch as run

    run()


def main() -> None:
    """Run the command line; foreseen errors become one line and exit code 1."""
    os.environ.setdefault("RATTLER_CACHE_DIR", str(paths.RATTLER_CACHE))
    try:
        app()
    except ToolError as error:
        err.print(f"[red]error:[/] {escape(str(error))}")
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            err.print("interrupted; run the same command again to continue")
        raise
