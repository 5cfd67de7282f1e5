"""vLLM kills processes that do not end by themselves with SIGKILL, which Windows does not have.

Without this, stopping an engine that takes longer than its grace period ends in AttributeError and
leaves the process behind.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import signal
import sys

APPLIES = ("win32",)
TARGET = "vllm.utils.system_utils.kill_process_tree"
UPSTREAM = "vllm/utils/system_utils.py, kill_process_tree"
REMOVE_WHEN = "kill_process_tree works without signal.SIGKILL"

_USERS = (
    "vllm.utils.system_utils",
    "vllm.v1.utils",
    "vllm.entrypoints.launchers.dp_supervisor",
)
_log = logging.getLogger("vllm.plugins.gfx")


def needed() -> bool:
    """Whether upstream's function names a signal that does not exist here."""
    from vllm.utils import system_utils

    source = inspect.getsource(system_utils.kill_process_tree)
    return not hasattr(signal, "SIGKILL") and "signal.SIGKILL" in source


def kill_process_tree(pid: int) -> None:
    """Kill the process `pid` and all that descend from it; some may be gone already."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in (*parent.children(recursive=True), parent):
            # Windows denies access to a process that is just ending.
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                _log.warning("killing process %d, which does not end by itself", process.pid)
                process.kill()


def install() -> None:
    """Put ours wherever upstream's was imported."""
    for user in filter(None, map(sys.modules.get, _USERS)):
        user.kill_process_tree = kill_process_tree  # type: ignore[attr-defined]
