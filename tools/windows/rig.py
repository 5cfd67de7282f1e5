"""rig.yaml and where the rig lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools import paths
from tools.standin.pip import Pin

TABLE = Path(__file__).with_name("rig.yaml")
PLATFORM = "win-64"
FOLDER = paths.BUILD / "windows"
CHANNEL = FOLDER / "channel"
DRIVES = FOLDER / "wine"  # what Wine calls its prefix: drive C and the registry
WORK = FOLDER / "work"


@dataclass(frozen=True)
class Parts:
    """A wheel that files of Windows Python are taken from."""

    pin: Pin
    folder: str  # in the wheel
    files: dict[str, str | None]  # pattern of names -> folder of the prefix, None: left out


@cache
def _table() -> dict[str, Any]:
    return dict(yaml.safe_load(TABLE.read_text(encoding="utf-8")))


def python() -> str:
    """The full version of Windows Python."""
    return str(_table()["python"])


def environment() -> dict[str, str]:
    """What every program under Wine is given."""
    return dict(_table()["environment"])


def parts() -> list[Parts]:
    rows = _table()["wheels"]
    pins = [Pin(row["name"], row["version"], row["sha256"]) for row in rows]
    return [Parts(pin, row["folder"], row["files"]) for pin, row in zip(pins, rows, strict=True)]
