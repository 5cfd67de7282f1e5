"""`test`: every test, each where it belongs, and one line of sums at the end."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import paths, prefix
from tools.build import build
from tools.console import out
from tools.errors import ToolError
from tools.halves import Half, Sums, run
from tools.install import install
from tools.kernels import kernels
from tools.lint import lint
from tools.solve import ELSEWHERE
from tools.trial import environment

# tests/<folder> that test this checkout run in .venv; the others test what is installed.
HERE = (
    "tools",
    "recipes",
    "variants",
    "patches",
    "standin",
    "docs",
    "compile",
    "selection",
    "bench_report",
    "trust",
    "rocm",
)
COMPILER = "ziglang"
HANGS = ["--timeout=900"]  # seconds; an engine that hangs must fail its test, not the machine


def folders() -> tuple[list[str], list[str]]:
    """The folders of tests/ that run in .venv, and those that run inside the prefix."""
    found = sorted(p.parent for p in (paths.ROOT / "tests").rglob("test_*.py"))
    tops = dict.fromkeys(p.relative_to(paths.ROOT / "tests").parts[0] for p in found)
    return [t for t in tops if t in HERE], [t for t in tops if t not in HERE]


def test(pytest_arguments: Sequence[str]) -> None:
    """Lint, compile, build, install, run both halves; raises ToolError if anything failed.

    Arguments go to pytest; folders or files among them choose which halves run.
    """
    chosen = [Path(a) for a in pytest_arguments if _is_test(a)]
    here, inside = _split(chosen)
    failures = [] if chosen else _lint()
    kernels()
    for platform in ELSEWHERE:
        build(platform=platform)
    where = install(None)
    rest = [a for a in pytest_arguments if Path(a) not in chosen]
    sums = Sums(failed=len(failures)) + run(_lanes(here, inside, rest, where))
    out.print(f"{sums.passed} passed, {sums.failed} failed, {sums.skipped} skipped")
    if not sums.passed + sums.failed:
        raise ToolError("no test ran", "is the name right?")
    if sums.failed:
        raise ToolError(f"{sums.failed} failed", "the reports are in build/reports")


def _lanes(
    here: Sequence[str], inside: Sequence[str], rest: Sequence[str], where: Path
) -> list[list[Half]]:
    """What runs side by side: the folders of .venv, and those of the prefix `where`."""
    lanes = []
    if here:
        arguments = ["-p", "tools.leave", *rest, *here]
        lanes.append([Half("checkout", Path(sys.executable), arguments, dict(os.environ))])
    if inside:
        env = environment(where) | lent_compiler()
        lanes.append([Half("prefix", prefix.python_of(where), [*HANGS, *rest, *inside], env)])
    return lanes


def lent_compiler() -> dict[str, str]:
    """What lets the prefix's Python import the compiler that tests use, and nothing else of .venv.

    The prefix itself is what users have, so it holds none.
    """
    found = importlib.metadata.distribution(COMPILER)
    folder = paths.BUILD / "compiler"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in (COMPILER, f"{COMPILER}-{found.version}.dist-info"):
        (folder / name).symlink_to(Path(str(found.locate_file(name))), target_is_directory=True)
    return {"PYTHONPATH": str(folder)}


def _lint() -> list[str]:
    try:
        lint()
    except ToolError as error:
        out.print(str(error))
        return ["lint"]
    return []


def _is_test(argument: str) -> bool:
    """Whether a command-line argument names a file or folder of tests/, maybe with `::test`."""
    path = Path(argument.partition("::")[0])
    return path.exists() and path.resolve().is_relative_to(paths.ROOT / "tests")


def _split(chosen: Sequence[Path]) -> tuple[list[str], list[str]]:
    if not chosen:
        here, inside = folders()
        return [f"tests/{t}" for t in here], [f"tests/{t}" for t in inside]
    tops = {path: path.resolve().relative_to(paths.ROOT / "tests").parts[0] for path in chosen}
    return (
        [str(p) for p, top in tops.items() if top in HERE],
        [str(p) for p, top in tops.items() if top not in HERE],
    )
