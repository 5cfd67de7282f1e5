"""uvloop does not exist for Windows, and `from vllm import LLM` already imports it.

Without this that line ends in ModuleNotFoundError.
"""

from __future__ import annotations

import importlib.util
import sys

APPLIES = ("win32",)
TARGET = "uvloop"
UPSTREAM = "https://github.com/MagicStack/uvloop/issues/14"
REMOVE_WHEN = "uvloop exists for Windows, or vLLM imports it only where it is installed"


def needed() -> bool:
    """Whether uvloop is absent."""
    return sys.modules.get("uvloop") is None and importlib.util.find_spec("uvloop") is None


def install() -> None:
    """Import our stand-in under its name."""
    from vllm_gfx.stand_ins import uvloop

    sys.modules["uvloop"] = uvloop
