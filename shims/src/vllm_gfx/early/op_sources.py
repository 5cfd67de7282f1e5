"""torch notes where in the source each operator is registered, with all that `inspect` can do.

For a file's name and a line it looks at every imported module and reads source files. Where looking
at a file takes a millisecond, that is seconds of every process' start. The frame knows both.
"""

from __future__ import annotations

import sys
from types import ModuleType

from vllm_gfx import on_import

APPLIES = ("win32",)
TARGET = "torch._library.utils.get_source"
UPSTREAM = "https://github.com/pytorch/pytorch/pull/185048 proposes the same"
REMOVE_WHEN = "torch._library.utils.get_source does not call inspect.getframeinfo"

MODULE = "torch._library.utils"


def needed() -> bool:
    """Always: torch is not imported yet, so there is nothing to ask."""
    return True


def install() -> None:
    """Take both from the frame, before torch itself registers the first operator."""
    on_import.call(MODULE, _replace)


def _replace(utils: ModuleType) -> None:
    vars(utils)["get_source"] = get_source


def get_source(stacklevel: int) -> str:
    """The place of the caller's code, as FILE:LINE; 1 is the caller, 2 is the caller's caller."""
    frame = sys._getframe(stacklevel)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
