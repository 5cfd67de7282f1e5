"""What the `tune/` folder of an op says of a device: `default.yaml`, and over it `<arch>.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def of(folder: Path, arch: str) -> dict[str, Any]:
    """What `folder` says of `arch`; of what its file does not name, what holds everywhere."""
    file = folder / f"{arch}.yaml"
    own = _read(file) if file.is_file() else {}
    return _read(folder / "default.yaml") | own


def _read(file: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return data
