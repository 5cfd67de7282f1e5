"""A server that stops its engine under a request leaves the client waiting, and itself.

vLLM kills the engine once `--shutdown-timeout` is over (at once for 0) and cancels the task that
feeds the responses. Nobody tells the responses: the HTTP server then waits for them for ever, and
SIGTERM ends in a process that holds its port. Only ROCm gets a grace period upstream.
"""

from __future__ import annotations

import functools
import inspect
import sys
from http import HTTPStatus
from typing import Any

APPLIES = ("linux", "win32")
TARGET = "vllm.v1.engine.async_llm.AsyncLLM.shutdown (in the process of the HTTP server)"
UPSTREAM = "https://github.com/vllm-project/vllm/pull/36964"
REMOVE_WHEN = "AsyncLLM.shutdown propagates an error to the requests that are in flight"

MESSAGE = "The server stopped before this request was finished. Send it to a running server."


def needed() -> bool:
    """Whether this process serves HTTP with an AsyncLLM that forgets its requests."""
    if "vllm.entrypoints.launchers.launcher" not in sys.modules:
        return False  # importing AsyncLLM costs the other processes seconds
    from vllm.v1.engine.async_llm import AsyncLLM

    return "propagate_error" not in inspect.getsource(AsyncLLM.shutdown)


def install() -> None:
    """End what is still in flight with HTTP 503, after the engine is gone."""
    from vllm.exceptions import GracefulHTTPError
    from vllm.v1.engine.async_llm import AsyncLLM

    original = AsyncLLM.shutdown

    @functools.wraps(original)
    def shutdown(self: Any, timeout: float | None = None) -> None:
        original(self, timeout)
        # None before the first request; absent where the start was interrupted.
        handler = getattr(self, "output_handler", None)
        if handler is not None and not handler.get_loop().is_closed():
            error = GracefulHTTPError(MESSAGE, HTTPStatus.SERVICE_UNAVAILABLE)
            handler.get_loop().call_soon_threadsafe(self.output_processor.propagate_error, error)

    AsyncLLM.shutdown = shutdown
