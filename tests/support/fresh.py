"""A function in a process of its own: what a test asks of a vLLM that no other test has touched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(function: Callable[[], None], env: Mapping[str, str] | None = None) -> None:
    """Call `function` of a test module in a new process; AssertionError with its traceback.

    `env` is added to this process's variables.
    """
    code = f"from {function.__module__} import {function.__name__} as f; f()"
    command, given = [sys.executable, "-c", code], {**os.environ, **(env or {})}
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
