"""Ctrl-C or SIGTERM while an engine process starts is swallowed: the start goes on regardless.

vLLM waits for the engine inside a context manager that catches KeyboardInterrupt, which is also
what it turns SIGTERM into until the server is up, and that only closes its socket.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

APPLIES = ("linux", "win32")
TARGET = "vllm.utils.network_utils.zmq_socket_ctx"
UPSTREAM = "vllm/utils/network_utils.py, zmq_socket_ctx; used by launch_core_engines"
REMOVE_WHEN = "zmq_socket_ctx lets KeyboardInterrupt through"

_USERS = ("vllm.utils.network_utils", "vllm.v1.engine.utils")


def needed() -> bool:
    """Whether the context manager still catches it."""
    from vllm.utils.network_utils import zmq_socket_ctx

    return "except KeyboardInterrupt" in inspect.getsource(zmq_socket_ctx)


def install() -> None:
    """Raise again what upstream's context manager has swallowed, after it closed its socket."""
    from vllm.utils.network_utils import zmq_socket_ctx as original

    @contextmanager
    def zmq_socket_ctx(*args: Any, **kwargs: Any) -> Iterator[Any]:
        interrupted = None
        with original(*args, **kwargs) as socket:
            try:
                yield socket
            except KeyboardInterrupt as error:
                interrupted = error
                raise
        if interrupted is not None:
            raise interrupted

    for user in filter(None, map(sys.modules.get, _USERS)):
        user.zmq_socket_ctx = zmq_socket_ctx  # type: ignore[attr-defined]
