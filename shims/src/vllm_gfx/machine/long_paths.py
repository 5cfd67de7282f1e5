"""Whether Windows opens files whose paths are longer than it did for thirty years."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

LIMIT = 259  # characters, where they are not enabled
KEY = r"SYSTEM\CurrentControlSet\Control\FileSystem"
VALUE = "LongPathsEnabled"


def enabled() -> bool:
    """Always, except on a Windows where nobody switched it on. Python itself says it can."""
    if sys.platform != "win32":
        return True
    registry: Any = import_module("winreg")
    try:
        with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, KEY) as key:
            return bool(registry.QueryValueEx(key, VALUE)[0])
    except FileNotFoundError:
        return False
