"""What the `tune/` folder of an op says of a device: its `<arch>.yaml`, else `default.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def of(folder: Path, arch: str) -> dict[str, Any]:
    """The file for `arch` in `folder`."""
    file = folder / f"{arch}.yaml"
    path = file if file.is_file() else folder / "default.yaml"
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data
