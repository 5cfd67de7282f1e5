"""A server whose engine died ends with exit code 0, so that nobody restarts it.

vLLM answers what is in flight with an error and stops its HTTP server, as if it had been asked to.
Service managers, and `vllm-gfx replicas`, tell a crash by the exit code.
"""

from __future__ import annotations

import inspect
import sys
from types import CoroutineType
from typing import Any

APPLIES = ("linux", "win32")
TARGET = "vllm.entrypoints.launchers.api_server.entry.serve_http"
UPSTREAM = "vllm/entrypoints/launchers/launcher.py, terminate_if_errored"
REMOVE_WHEN = "`vllm serve` ends with another code than 0 after its engine was killed"

EXIT_CODE = 1
_ENTRY = "vllm.entrypoints.launchers.api_server.entry"
# What serve_http returns to be awaited if the server stopped by itself, not by a signal.
_BY_ITSELF = "dummy_shutdown"


def needed() -> bool:
    """Whether this process serves HTTP, and tells its two ends apart as we know it."""
    if _ENTRY not in sys.modules:
        return False
    from vllm.entrypoints.launchers import launcher

    source = inspect.getsource(launcher.serve_http)
    return f"return {_BY_ITSELF}()" in source and "SystemExit" not in source


def install() -> None:
    """End with EXIT_CODE where the server stopped by itself and its engine is dead."""
    entry = sys.modules[_ENTRY]
    original = entry.serve_http

    async def serve_http(app: Any, *args: Any, **kwargs: Any) -> CoroutineType[Any, Any, None]:
        engine = app.state.engine_client  # upstream deletes `state` when it stops
        rest: CoroutineType[Any, Any, None] = await original(app, *args, **kwargs)
        if rest.__qualname__.endswith(_BY_ITSELF) and engine is not None and engine.errored:
            rest.close()
            print("vllm-gfx serve: the engine died; its reason is above", file=sys.stderr)
            raise SystemExit(EXIT_CODE)
        return rest

    entry.serve_http = serve_http  # type: ignore[attr-defined]
