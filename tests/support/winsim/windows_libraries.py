"""Libraries as their Windows builds behave, changed when our code first imports them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

NO_FORK = ("fork", "forkserver")

_changed: set[str] = set()


def _asyncio(asyncio: Any) -> None:
    """No event loop of Windows handles signals."""

    def add_signal_handler(self: Any, sig: int, callback: Any, *args: Any) -> None:
        raise NotImplementedError

    asyncio.SelectorEventLoop.add_signal_handler = add_signal_handler


def _multiprocessing(multiprocessing: Any) -> None:
    """Windows has one way to start a process."""
    contexts = multiprocessing.context._concrete_contexts
    for method in NO_FORK:
        contexts.pop(method, None)
    default = multiprocessing.context._default_context
    default._default_context = contexts["spawn"]
    multiprocessing.context.BaseContext.get_all_start_methods = lambda self: ["spawn"]
    multiprocessing.context.DefaultContext.get_all_start_methods = lambda self: ["spawn"]
    multiprocessing.get_all_start_methods = default.get_all_start_methods


def _zmq(zmq: Any) -> None:
    """No ipc transport, and a poller for sockets only."""
    has, bind, connect, register = (
        zmq.has,
        zmq.Socket.bind,
        zmq.Socket.connect,
        zmq.Poller.register,
    )

    def checked(function: Callable[..., Any]) -> Callable[..., Any]:
        def with_address(self: Any, address: str) -> Any:
            if address.startswith("ipc:"):
                raise zmq.ZMQError(zmq.EPROTONOSUPPORT)
            return function(self, address)

        return with_address

    def socket_only(self: Any, socket: Any, flags: int = zmq.POLLIN | zmq.POLLOUT) -> Any:
        if isinstance(socket, int):
            raise zmq.ZMQError(zmq.ENOTSOCK)
        return register(self, socket, flags)

    zmq.has = lambda feature: feature != "ipc" and has(feature)
    zmq.Socket.bind, zmq.Socket.connect = checked(bind), checked(connect)
    zmq.Poller.register = socket_only


CHANGES = {"asyncio": _asyncio, "multiprocessing": _multiprocessing, "zmq": _zmq}


def change(name: str) -> None:
    """Change the library `name`, once."""
    if name in CHANGES and name not in _changed:
        _changed.add(name)
        CHANGES[name](sys.modules[name])
