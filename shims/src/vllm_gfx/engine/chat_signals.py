"""`vllm chat` and `vllm complete` handle Ctrl-Z's signal, which Windows does not have.

Without this both commands end in AttributeError before they ask anything.
"""

from __future__ import annotations

import inspect
import signal
import sys
from types import FrameType

APPLIES = ("win32",)
TARGET = "vllm.entrypoints.cli.openai._register_signal_handlers"
UPSTREAM = "vllm/entrypoints/cli/openai.py, _register_signal_handlers"
REMOVE_WHEN = "_register_signal_handlers works without signal.SIGTSTP"

_COMMANDS = "vllm.entrypoints.cli.openai"


def needed() -> bool:
    """Whether this is vLLM's command line, and it names a signal that does not exist here."""
    if _COMMANDS not in sys.modules or hasattr(signal, "SIGTSTP"):
        return False
    source = inspect.getsource(sys.modules[_COMMANDS]._register_signal_handlers)
    return "signal.SIGTSTP" in source


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def _register_signal_handlers() -> None:
    """Leave quietly on Ctrl-C, as upstream does."""
    signal.signal(signal.SIGINT, _leave)


def install() -> None:
    """Put ours in upstream's place."""
    sys.modules[_COMMANDS]._register_signal_handlers = _register_signal_handlers  # type: ignore[attr-defined]
