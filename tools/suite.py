"""`test`: every test, each where it belongs, and one line of sums at the end."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from tools import paths, prefix
from tools.build import build
from tools.console import out
from tools.errors import ToolError
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
REPORTS = paths.BUILD / "reports"
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
    passed, failed, skipped = 0, len(failures), 0
    halves: tuple[tuple[str, Path, list[str], list[str], dict[str, str]], ...] = (
        ("checkout", Path(sys.executable), ["-p", "tools.leave"], here, dict(os.environ)),
        ("prefix", prefix.python_of(where), HANGS, inside, environment(where) | lent_compiler()),
    )
    for name, python, plugins, selected, env in halves:
        if selected:
            counts = _pytest(name, python, [*plugins, *rest, *selected], env)
            passed, failed = passed + counts[0], failed + counts[1]
            skipped += counts[2]
    out.print(f"{passed} passed, {failed} failed, {skipped} skipped")
    if not passed + failed:
        raise ToolError("no test ran", "is the name right?")
    if failed:
        raise ToolError(f"{failed} failed", "the reports are in build/reports")


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


def _pytest(
    name: str, python: Path, arguments: Sequence[str], env: dict[str, str]
) -> tuple[int, int, int]:
    """Run pytest; how many tests passed, failed and were skipped. A crash counts as a failure."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    command = [str(python), "-m", "pytest", f"--junit-xml={report}", "--durations=10", *arguments]
    code = subprocess.run(command, cwd=paths.ROOT, env=env).returncode
    if not report.is_file():
        return 0, 1, 0
    suite = ET.parse(report).getroot()[0].attrib
    broken = int(suite["failures"]) + int(suite["errors"])
    skipped = int(suite["skipped"])
    # 5: nothing collected, which a selection by name may mean for one half but not for both.
    return int(suite["tests"]) - broken - skipped, broken or int(code not in (0, 5)), skipped
