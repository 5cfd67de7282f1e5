"""A function in a process of its own: what a test asks of a vLLM that no other test has touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(function: Callable[[], None]) -> None:
    """Call `function` of a test module in a new process; AssertionError with its traceback."""
    code = f"from {function.__module__} import {function.__name__} as f; f()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
