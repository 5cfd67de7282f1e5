"""The command line: `python -m gfx_compile (build|golden)`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gfx_compile import golden, paths, toolchain
from gfx_compile.build import build, default_targets
from gfx_compile.errors import CompileError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gfx_compile", description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True)
    one = tasks.add_parser("build", help="compile what is missing or outdated")
    one.add_argument("--target", action="append", help="may be repeated; default: all")
    two = tasks.add_parser("golden", help="compile for every AMD target, write kernels/golden.yaml")
    for task in (one, two):
        task.add_argument("--out", type=Path, default=paths.OUT, help="default: build/kernels")
        task.add_argument("--jobs", type=int, help="at a time; default: one per CPU")
    return parser


def _show(done: int, total: int, name: str) -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"compiled {done} of {total}: {name:40}", end=end, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one task; SystemExit with the error's lines if it fails."""
    given = _parser().parse_args(arguments)
    started = time.monotonic()
    try:
        names = getattr(given, "target", None) or default_targets()
        if given.task == "golden":
            names = [name for name in names if name not in toolchain.architectures()]
        count = build(names, given.out, given.jobs, _show)
        if given.task == "golden":
            golden.write(given.out, names)
    except CompileError as error:
        sys.exit("\n".join(f"error: {line}" for line in str(error).splitlines()))
    taken = time.monotonic() - started
    print(f"{count} compiled for {len(names)} targets in {taken:.1f} s", file=sys.stderr)
