"""The compiler of the tests, apart from any test: Windows' parts are built on Linux too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build" / "mock_hip"
# Without a C runtime, which takes zig a minute: what is called comes from `import_library`.
WINDOWS = (
    "-target",
    "x86_64-windows-gnu",
    "-nostdlib",
    "-mno-stack-arg-probe",
    "-Wl,--entry=start",
)


def run(*arguments: str) -> None:
    """Run zig; its caches stay in this repository. Raises CalledProcessError."""
    cache = str(BUILD / "zig-cache")
    caches = {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    command = [sys.executable, "-m", "ziglang", *arguments]
    subprocess.run(command, check=True, env={**os.environ, **caches})


def import_library(dll: str, names: Sequence[str], folder: Path) -> str:
    """What a Windows library is linked with to call `names` of `dll`; a file in `folder`."""
    table, out = folder / f"{dll}.def", folder / f"{dll}.a"
    table.write_text("\n".join([f"LIBRARY {dll}.dll", "EXPORTS", *names, ""]), encoding="utf-8")
    run("dlltool", "-m", "i386:x86-64", "-d", str(table), "-l", str(out), "-D", f"{dll}.dll")
    return str(out)
