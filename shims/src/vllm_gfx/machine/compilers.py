"""Whether this machine has a C compiler, and how it is called."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TRITON_KNOWS = ("gcc", "clang")  # beside what CC names
# conda-forge has packages of both names; so have distributions.
REMEDY = "install one: conda install -c conda-forge gcc, or the system's package gcc"

Which = Callable[[str], str | None]


def of_triton(variables: Mapping[str, str] = os.environ, which: Which = shutil.which) -> list[str]:
    """The compiler that Triton finds by itself; empty where it finds none."""
    if named := variables.get("CC"):
        return [named]
    found = next(filter(None, map(which, TRITON_KNOWS)), None)
    return [found] if found else []


def any_at_all(
    variables: Mapping[str, str] = os.environ,
    which: Which = shutil.which,
    find: Callable[[str], Any] = find_spec,
) -> list[str]:
    """That one, else zig, a program or a Python package; empty where there is none."""
    if found := of_triton(variables, which):
        return found
    # Beside Python too: a prefix that brings zig may be used without being activated.
    if program := which("zig") or which(str(Path(sys.executable).with_name("zig"))):
        return [program, "cc"]
    return [sys.executable, "-m", "ziglang", "cc"] if find("ziglang") else []
