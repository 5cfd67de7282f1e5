"""The compilers: which commands make an object, of which version they are, where they are."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gfx_compile import paths
from gfx_compile.errors import CompileError


@dataclass(frozen=True)
class Toolchain:
    """One compiler. `steps` are its command lines in order; the last one makes the object."""

    binary: str
    version: str
    suffix: str  # of the object
    steps: Mapping[str, tuple[str, ...]]

    @property
    def digest(self) -> str:
        """Changes when the same source may become another object."""
        parts = [self.version, *(word for step in self.steps.values() for word in step)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def table() -> dict[str, Any]:
    """toolchain.yaml."""
    content: dict[str, Any] = yaml.safe_load(paths.TOOLCHAIN.read_text(encoding="utf-8"))
    return content


@cache
def amd() -> Toolchain:
    """The pinned compiler for AMD targets. Raises CompileError if it is absent or another one."""
    row = table()["amd"]
    name, version = row["distribution"], row["version"]
    binary = _binary(row)
    found = _version(binary) if binary else "not installed"
    if binary is None or found != version:
        raise CompileError(f"{name} is {found}, not {version}; run: pip install {name}=={version}")
    return Toolchain(binary, version, ".hsaco", _steps(row))


def _binary(row: Mapping[str, Any]) -> str | None:
    """That of PyPI's distribution, else the program on PATH, which is what conda-forge has."""
    spec = importlib.util.find_spec(row["distribution"])
    # Itself: the distribution's own `python -m` costs a Python start for every call.
    folder = Path(spec.origin).parent if spec and spec.origin else None
    inside = shutil.which(row["binary"], path=folder) if folder else None
    return inside or shutil.which(row["binary"])


def _version(binary: str) -> str:
    done = subprocess.run([binary, "version"], capture_output=True, text=True)
    return done.stdout.strip() or "broken"


@cache
def nvidia() -> Toolchain | None:
    """The compiler for NVIDIA architectures; None where it is not on PATH."""
    row = table()["nvidia"]
    binary = shutil.which(row["binary"])
    if binary is None:
        return None
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    return Toolchain(binary, version.stdout, ".cubin", _steps(row))


def architectures() -> list[str]:
    """What the optional NVIDIA compiler compiles for."""
    found: list[str] = table()["nvidia"]["architectures"]
    return found


def _steps(row: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(line.split()) for name, line in row["steps"].items()}
