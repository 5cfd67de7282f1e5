"""A server that ends as it was asked to may log its engine's death, with a traceback.

vLLM's `AsyncLLM.shutdown` closes the sockets first, which wakes the task that reads the engine's
outputs with an EngineDeadError, and cancels that task second. On a busy machine it wakes in
between: an ERROR in the log, and requests in flight that are told of a crash which never was.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from typing import Any
from weakref import WeakSet

APPLIES = ("linux", "win32")
TARGET = (
    "vllm.v1.engine.async_llm.AsyncLLM.shutdown, "
    "vllm.v1.engine.core_client.AsyncMPClient.get_output_async (in the process of the HTTP server)"
)
UPSTREAM = "https://github.com/vllm-project/vllm/issues/48745"
REMOVE_WHEN = "a server that was asked to stop never logs an EngineDeadError"

_asked_to_stop: WeakSet[Any] = WeakSet()  # clients of engines


def needed() -> bool:
    """Whether this process serves HTTP, and cancels the reader last, which cannot tell why."""
    if "vllm.entrypoints.launchers.launcher" not in sys.modules:
        return False  # importing AsyncLLM costs the other processes seconds
    from vllm.v1.engine.async_llm import AsyncLLM

    stop, read = map(inspect.getsource, (AsyncLLM.shutdown, AsyncLLM._run_output_handler))
    last = stop.find("engine_core.shutdown") < stop.find("cancel_task_threadsafe")
    return last and "EngineDeadError" not in read


def install() -> None:
    """Cancel the reader where upstream tells it that an engine is dead that was asked to stop."""
    from vllm.v1.engine.async_llm import AsyncLLM
    from vllm.v1.engine.core_client import AsyncMPClient
    from vllm.v1.engine.exceptions import EngineDeadError

    stop, get = AsyncLLM.shutdown, AsyncMPClient.get_output_async

    @functools.wraps(stop)
    def shutdown(self: Any, timeout: float | None = None) -> None:
        engine = getattr(self, "engine_core", None)  # absent where the start was interrupted
        if engine is not None and not engine.resources.engine_dead:
            _asked_to_stop.add(engine)
        stop(self, timeout)

    @functools.wraps(get)
    async def get_output_async(self: Any) -> Any:
        try:
            return await get(self)
        except EngineDeadError:
            if self in _asked_to_stop:
                raise asyncio.CancelledError from None
            raise

    AsyncLLM.shutdown = shutdown
    AsyncMPClient.get_output_async = get_output_async
