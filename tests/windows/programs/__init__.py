"""Programs that run on Windows Python; each prints JSON as its last line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools import paths
from tools.windows import run, wine

HERE = Path(__file__).parent
SECONDS = 180.0  # a program that imports vLLM takes 40 on a busy machine


def output(name: str, *arguments: str, timeout: float = SECONDS, **env: str) -> Any:
    """What programs/`name`.py says on Windows; AssertionError with all it printed if it fails."""
    paths.BUILD.mkdir(exist_ok=True)
    command = [wine.windows_path(HERE / f"{name}.py"), *arguments]
    done = run.run(command, env, paths.BUILD, timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])
