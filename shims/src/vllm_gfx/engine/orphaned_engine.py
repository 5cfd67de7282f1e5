"""An engine whose server was killed runs on for ever, and keeps the GPU's memory.

A server that is stopped tells its engine; one that is killed cannot, and the engine waits for
requests on a socket that nobody will connect to again.
"""

from __future__ import annotations

import inspect
import logging
import multiprocessing
import os
import signal
import sys
import time
from threading import Thread
from typing import Any

APPLIES = ("linux", "win32")
TARGET = "vllm.v1.engine.core.EngineCoreProc.__init__ (in the engine's process)"
UPSTREAM = "vllm/v1/engine/core.py: nothing there looks at the process that started the engine"
REMOVE_WHEN = "the engine ends when `vllm serve` was killed with SIGKILL"

GRACE_SECONDS = 15.0  # to stop in order, which gives a GPU back; then it ends anyway
_POLL_SECONDS = 0.5
_ENGINE = "EngineCore"  # what vLLM calls the processes of engines
_WATCHES = ("parent_process", "PDEATHSIG", "getppid")
_log = logging.getLogger("vllm.plugins.gfx")  # under `vllm`, whose handlers print it


def needed() -> bool:
    """Whether this process may run an engine, which does not look at its parent."""
    core = sys.modules.get("vllm.v1.engine.core")
    return core is not None and not any(word in inspect.getsource(core) for word in _WATCHES)


def install() -> None:
    """Watch from the start of an engine. A spawned one is just starting: it loads plug-ins."""
    if multiprocessing.current_process().name.startswith(_ENGINE):
        watch()
        return
    from vllm.v1.engine.core import EngineCoreProc

    original = EngineCoreProc.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # of a forked one
        watch()
        original(self, *args, **kwargs)

    EngineCoreProc.__init__ = __init__


def watch() -> None:
    """End this process when the one that started it through `multiprocessing` has ended."""
    if multiprocessing.parent_process() is not None:
        Thread(target=_end_with_parent, name="gfx-parent", daemon=True).start()


def _end_with_parent() -> None:
    """As SIGTERM ends an engine: in order on Linux; on Windows at once, by TerminateProcess."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    # On POSIX that was the end of a pipe, which the parent may also have closed.
    while sys.platform != "win32" and os.getppid() == parent.pid:
        time.sleep(_POLL_SECONDS)
    _log.error("the process that started this engine was killed: the engine ends")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
