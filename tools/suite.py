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
from tools.windows import wine
from tools.windows.prefix import install as install_for_windows

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
# Inside the prefix too, beside its others: they start servers, and wait more than they compute.
SERVERS = ("bench_engine", "engine", "preflight", "serve")
UNDER_WINE = "windows"  # run in .venv too, but start Windows programs of a prefix of their own
COMPILER = "ziglang"
HANGS = ["--timeout=900"]  # seconds; what hangs must fail its test, not the whole


def folders() -> tuple[list[str], list[str]]:
    """The folders of tests/ that run in .venv, and those that run inside the prefix."""
    found = sorted(p.parent for p in (paths.ROOT / "tests").rglob("test_*.py"))
    tops = dict.fromkeys(p.relative_to(paths.ROOT / "tests").parts[0] for p in found)
    return [t for t in tops if t in HERE], [t for t in tops if t not in (*HERE, UNDER_WINE)]


def test(pytest_arguments: Sequence[str], windows: bool = False) -> None:
    """Lint, compile, build, install, run all; raises ToolError if anything failed.

    Arguments go to pytest; folders or files among them choose what runs, `windows` those of Windows
    alone. Where there is no Wine those are left out, unless they were asked for.
    """
    chosen = [Path(a) for a in pytest_arguments if _is_test(a)]
    if windows and not chosen:
        chosen = [paths.ROOT / "tests" / UNDER_WINE]
    here, inside, under_wine = _split(chosen)
    if chosen and under_wine:
        wine.require()
    failures = [] if chosen else _lint()
    kernels()
    for platform in ELSEWHERE:
        build(platform=platform)
    where = install(None)
    if under_wine and (unmade := _rig()):
        failures, under_wine = [*failures, *unmade], []
    rest = [a for a in pytest_arguments if Path(a) not in chosen]
    sums = Sums(failed=len(failures)) + run(_lanes(here, inside, under_wine, rest, where))
    if not chosen and not wine.is_here():
        out.print(f"not run: tests/{UNDER_WINE}, since there is no Wine here: {wine.REMEDY}")
    out.print(f"{sums.passed} passed, {sums.failed} failed, {sums.skipped} skipped")
    if not sums.passed + sums.failed:
        raise ToolError("no test ran", "is the name right?")
    if sums.failed:
        raise ToolError(f"{sums.failed} failed", "the reports are in build/reports")


def _lanes(
    here: Sequence[str],
    inside: Sequence[str],
    under_wine: Sequence[str],
    rest: Sequence[str],
    where: Path,
) -> list[list[Half]]:
    """What runs side by side: what .venv runs, and the folders of the prefix `where`."""
    ours: list[Half] = []
    theirs: list[Half] = []
    for name, selected in (("checkout", here), (UNDER_WINE, under_wine)):
        if selected:
            arguments = [*HANGS, "-p", "tools.leave", *rest, *selected]
            ours.append(Half(name, Path(sys.executable), arguments, dict(os.environ)))
    servers = [path for path in inside if top_of(path) in SERVERS]
    others = [path for path in inside if path not in servers]
    for lane, name, selected in ((ours, "servers", servers), (theirs, "prefix", others)):
        if selected:
            env = environment(where) | lent_compiler()
            lane.append(Half(name, prefix.python_of(where), [*HANGS, *rest, *selected], env))
    return [lane for lane in (ours, theirs) if lane]


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


def _rig() -> list[str]:
    """Make what the tests of Windows run on; without it they have failed, and only they."""
    try:
        install_for_windows()
    except ToolError as error:
        out.print(f"{UNDER_WINE} did not run: {error}")
        return [UNDER_WINE]
    return []


def _is_test(argument: str) -> bool:
    """Whether a command-line argument names a file or folder of tests/, maybe with `::test`."""
    path = Path(argument.partition("::")[0])
    return path.exists() and path.resolve().is_relative_to(paths.ROOT / "tests")


def top_of(path: str | Path) -> str:
    """The folder of tests/ in which a test, file or folder of this checkout lies."""
    return (paths.ROOT / path).resolve().relative_to(paths.ROOT / "tests").parts[0]


def _split(chosen: Sequence[Path]) -> tuple[list[str], list[str], list[str]]:
    """What runs in .venv, inside the prefix, and in .venv for Windows."""
    if not chosen:
        here, inside = folders()
        under_wine = [f"tests/{UNDER_WINE}"] if wine.is_here() else []
        return [f"tests/{t}" for t in here], [f"tests/{t}" for t in inside], under_wine
    tops = {path: top_of(path) for path in chosen}
    return (
        [str(p) for p, top in tops.items() if top in HERE],
        [str(p) for p, top in tops.items() if top not in (*HERE, UNDER_WINE)],
        [str(p) for p, top in tops.items() if top == UNDER_WINE],
    )
