"""Where things lie. Everything generated goes below build/, which git ignores."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ROOT / "recipes"
VARIANTS = ROOT / "variants"
PATCHES = ROOT / "patches"
PINS = ROOT / "pins.yaml"
ROCM = RECIPES / "rocm.yaml"  # the wheels that recipes repack

BUILD = ROOT / "build"
CHANNEL = BUILD / "channel"  # ours
STANDIN = BUILD / "conda-forge"  # what stands in for conda-forge
SOURCES = BUILD / "sources"
WHEELS = BUILD / "wheels"
STAMPS = BUILD / "stamps"
WORK = BUILD / "work"  # unfinished things; may be deleted whenever no build runs
RATTLER_CACHE = BUILD / "rattler-cache"


def prefix(target: str) -> Path:
    """Where `target` is installed."""
    return BUILD / "env" / target


def callers(path: str) -> Path:
    """`path` as the caller meant it: dev.py and pixi change the folder and set INIT_CWD."""
    return Path(os.environ.get("INIT_CWD", ".")) / path


def shown(path: Path) -> str:
    """`path` as short as a message wants it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
