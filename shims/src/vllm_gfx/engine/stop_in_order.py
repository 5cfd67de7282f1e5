"""vLLM asks its engine to stop with terminate(), which on Windows ends a process on the spot.

Without this requests in flight are cut, whatever --shutdown-timeout says. Nor could a signal ask:
there it does not wake a thread that waits for a lock, as an engine without requests does.
"""

from __future__ import annotations

import functools
import inspect
import sys
import time
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Any

from vllm_gfx import stop_event

APPLIES = ("win32",)
TARGET = "vllm.v1.utils.shutdown, vllm.v1.engine.core.EngineCoreProc.run_busy_loop"
UPSTREAM = "vllm/v1/utils.py, shutdown: proc.terminate()"
REMOVE_WHEN = "vLLM asks an engine to stop through its input socket"

_USERS = ("vllm.v1.utils", "vllm.v1.engine.utils")


def needed() -> bool:
    """Whether upstream terminates what it should ask, and there is a way to ask."""
    from vllm.v1 import utils

    return stop_event.exists() and "proc.terminate()" in inspect.getsource(utils.shutdown)


def install() -> None:
    """Ask from the server's process, and listen in the engine's."""
    from vllm.v1 import utils
    from vllm.v1.engine.core import EngineCoreProc

    shutdown = asking(utils.shutdown)
    for user in filter(None, map(sys.modules.get, _USERS)):
        user.shutdown = shutdown  # type: ignore[attr-defined]
    EngineCoreProc.run_busy_loop = listening(EngineCoreProc.run_busy_loop)


def asking(original: Callable[..., None]) -> Callable[..., None]:
    """`shutdown(processes, timeout)`: those that listen get `timeout` seconds to stop in order."""

    @functools.wraps(original)
    def shutdown(procs: Sequence[Any], timeout: float | None = None) -> None:
        if timeout:  # none at all, or 0: nobody is to wait for requests
            asked = [one for one in procs if one.is_alive() and stop_event.ask(one.pid)]
            deadline = time.monotonic() + timeout
            for one in asked:
                one.join(max(0.0, deadline - time.monotonic()))
        original(procs, timeout=timeout)

    return shutdown


def listening(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """An engine's loop, which stops as after SIGTERM when this process is asked."""

    @functools.wraps(original)
    def run_busy_loop(engine: Any) -> None:
        event = stop_event.create()
        Thread(target=_stop, args=(engine, event), name="gfx-stop", daemon=True).start()
        original(engine)

    return run_busy_loop


def _stop(engine: Any, event: int) -> None:
    """What the handler of SIGTERM does in upstream's `run_engine_core`."""
    from vllm.v1.engine import EngineCoreRequestType
    from vllm.v1.engine.core import EngineShutdownState

    stop_event.wait(event)
    if engine.shutdown_state == EngineShutdownState.RUNNING:
        engine.shutdown_state = EngineShutdownState.REQUESTED
    engine.input_queue.put_nowait((EngineCoreRequestType.WAKEUP, None))
