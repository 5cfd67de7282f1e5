"""Compile the kernels into code objects: `python -m gfx_compile (build|golden|table)`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gfx_compile import golden, paths, table
from gfx_compile.build import amd_targets, build, default_targets
from gfx_compile.errors import CompileError

# What may follow a build of every AMD target, by task.
_RECORDS = {"golden": golden.write, "table": table.write}


def _some(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} at a time would never end; give 1 or more")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gfx_compile", description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True)
    build_task = tasks.add_parser("build", help="compile what is missing or outdated")
    build_task.add_argument("--target", action="append", help="may be repeated; default: all")
    golden_task = tasks.add_parser("golden", help="the same, then write kernels/golden.yaml")
    table_task = tasks.add_parser("table", help="the same, then write kernels/RESOURCES.md")
    for task in (build_task, golden_task, table_task):
        task.add_argument("--out", type=Path, default=paths.OUT, help="default: build/kernels")
        task.add_argument("--jobs", type=_some, help="at a time; default: one per CPU")
    return parser


def _show(done: int, total: int, name: str) -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"compiled {done} of {total}: {name:40}", end=end, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one task; SystemExit with the error's lines if it fails."""
    given = _parser().parse_args(arguments)
    started = time.monotonic()
    try:
        record = _RECORDS.get(given.task)
        names = amd_targets() if record else given.target or default_targets()
        count = build(names, given.out, given.jobs, _show)
        if record:
            record(given.out, names)
    except (CompileError, OSError) as error:
        sys.exit("\n".join(f"error: {line}" for line in str(error).splitlines()))
    except KeyboardInterrupt:
        sys.exit("interrupted; run it again to continue")
    taken = time.monotonic() - started
    print(f"{count} compiled for {len(names)} targets in {taken:.1f} s", file=sys.stderr)
