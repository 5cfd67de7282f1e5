"""Programs on the simulated Windows; winsim/sitecustomize.py says what that is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from vllm_gfx.early import start_method

WINSIM = Path(__file__).with_name("winsim")
ROOT = Path(__file__).resolve().parents[2]


def environment() -> dict[str, str]:
    """This process' environment, for a Python that sees Windows and chooses its start method."""
    paths = (str(WINSIM), str(ROOT), os.environ.get("PYTHONPATH", ""))
    inherited = {name: value for name, value in os.environ.items() if name != start_method.METHOD}
    return {**inherited, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def run(*arguments: str) -> str:
    """Run Python with `arguments`; its output. Raises AssertionError with the end of it."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout
