"""`lint`: ruff and mypy over the whole checkout, settings in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys

from tools import paths
from tools.console import step
from tools.errors import ToolError

TYPED = ("dev.py", "tools", "kernels/src", "shims/src", "recipes/into_prefix.py")
TYPED_TESTS = [
    f"tests/{name}"
    for name in (
        "tools",
        "recipes",
        "selection",
        "variants",
        "patches",
        "standin",
        "compile",
        "bench_report",
        "trust",
    )
]
CHECKS = {
    "pixi.toml": ["tools.pixi"],
    "ruff check": ["ruff", "check", "--quiet", "."],
    "ruff format": ["ruff", "format", "--check", "--quiet", "."],
    "mypy": ["mypy", "--no-error-summary", *TYPED, *TYPED_TESTS],
}


def lint() -> None:
    """Run every check, then raise ToolError if one found something."""
    failed = []
    for name, command in CHECKS.items():
        with step(name) as current:
            done = subprocess.run([sys.executable, "-m", *command], cwd=paths.ROOT)
            if done.returncode:
                failed.append(name)
                current.done("failed")
    if failed:
        raise ToolError(f"{', '.join(failed)} found problems", "ruff format writes its own fixes")
