"""The compiler of the tests, apart from any test: Windows' parts are built on Linux too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build" / "mock_hip"
WINDOWS = ("-target", "x86_64-windows-gnu")


def run(*arguments: str) -> None:
    """Run zig; its caches stay in this repository. Raises CalledProcessError."""
    cache = str(BUILD / "zig-cache")
    caches = {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    command = [sys.executable, "-m", "ziglang", *arguments]
    subprocess.run(command, check=True, env={**os.environ, **caches})
