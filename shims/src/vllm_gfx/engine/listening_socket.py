"""How vLLM's server listens has another meaning on Windows, or none.

SO_REUSEADDR there lets a second server take a port in use and steal its connections; SO_REUSEPORT,
for several HTTP processes on one port, and AF_UNIX do not exist and would end in AttributeError.
"""

from __future__ import annotations

import inspect
import socket
import sys

from vllm_gfx import ports
from vllm_gfx.refusal import Refusal

APPLIES = ("win32",)
TARGET = "vllm.entrypoints.launchers.launcher.create_server_socket, create_server_unix_socket"
UPSTREAM = "vllm/entrypoints/launchers/launcher.py, create_server_socket"
REMOVE_WHEN = "create_server_socket does not set SO_REUSEADDR on Windows"

_LAUNCHER = "vllm.entrypoints.launchers.launcher"
_USERS = (_LAUNCHER, "vllm.entrypoints.cli.serve")


def needed() -> bool:
    """Whether this process may listen, and would with upstream's options."""
    if _LAUNCHER not in sys.modules:
        return False
    source = inspect.getsource(sys.modules[_LAUNCHER].create_server_socket)
    return "SO_REUSEADDR, 1" in source and "win32" not in source


def create_server_socket(addr: tuple[str, int], *, reuse_port: bool) -> socket.socket:
    """A socket bound to `addr`. Raises Refusal."""
    if reuse_port:
        raise Refusal(
            "several API servers on one port do not exist on Windows", "use --api-server-count 1"
        )
    return ports.bound(*addr)


def create_server_unix_socket(path: str) -> socket.socket:
    """Python has no such sockets on Windows. Raises Refusal."""
    raise Refusal(f"--uds {path}: Windows has no Unix sockets", "use --host and --port")


def install() -> None:
    """Put ours wherever upstream's were imported."""
    for user in filter(None, map(sys.modules.get, _USERS)):
        for ours in (create_server_socket, create_server_unix_socket):
            if hasattr(user, ours.__name__):
                setattr(user, ours.__name__, ours)
