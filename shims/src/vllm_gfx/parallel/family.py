"""What a process leaves behind: a server that was killed leaves its engine, on the GPU's memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

import psutil


def own_group() -> dict[str, Any]:
    """For the start of a process that Ctrl-C must not reach, and that `end` is to find."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def end(pid: int, since: float) -> None:
    """Kill all that descends from the process `pid`, which was started after `since` and ended."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        return
    # Windows gives numbers out again, and a process keeps the number of a parent long gone.
    later = [p for p in psutil.process_iter(["ppid", "create_time"]) if _born(p) >= since]
    family = {pid}
    for process in sorted(later, key=_born):
        if process.info["ppid"] in family:
            family.add(process.pid)
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # it is just ending
                process.kill()


def _born(process: psutil.Process) -> float:
    return float(process.info["create_time"] or 0)  # of another user's process it is not known
