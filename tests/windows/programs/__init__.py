"""Programs that run on Windows Python; each prints JSON as its last line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tools import paths
from tools.windows import run, wine

HERE = Path(__file__).parent
SECONDS = 180.0  # a program that imports vLLM takes 40 on a busy machine


def output(name: str, *arguments: str, timeout: float = SECONDS, **env: str) -> Any:
    """What programs/`name`.py says on Windows.

    AssertionError with all it printed if it fails, or with what of it still runs after `timeout`.
    Nothing may be left: its output ends when all that it started has ended, as Wine gives a process
    the streams of the one that started it.
    """
    paths.BUILD.mkdir(exist_ok=True)
    command = [wine.windows_path(HERE / f"{name}.py"), *arguments]
    with run.started(command, env, paths.BUILD) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            left = [one.cmdline() for one in run.left(process.tag)]
            raise AssertionError(
                f"{name} has ended with {process.poll()}; after {timeout:.0f} s runs: {left}"
            ) from None
        assert process.returncode == 0, out + err
    return json.loads(out.splitlines()[-1])
