"""Whether a server can listen on a port, asked before the model loads and when it listens.

On Windows another program of the same user that listens on all addresses (0.0.0.0:8000) does not
keep ours from one of them (127.0.0.1:8000): both start, and which of them answers is anybody's
guess. So all addresses are asked for too, with no option: that fails beside such a program only,
not beside one that listens on another address (Microsoft's table of SO_EXCLUSIVEADDRUSE).
"""

from __future__ import annotations

import contextlib
import errno
import socket
import sys

from vllm_gfx.refusal import Refusal

FREE_PORTS = 8  # at once, on Windows: event loops' pairs of sockets, and the engine's four sockets
LOOPBACK = "127.0.0.1"
_ALL = {socket.AF_INET: ("", "0.0.0.0"), socket.AF_INET6: ("::",)}
_OTHER = "choose another with --port NUMBER"
_RESERVED = "netsh interface ipv4 show excludedportrange protocol=tcp"


def check(host: str, port: str) -> None:
    """Raise Refusal unless `host` and `port` can be listened on now."""
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= 65535):
        raise Refusal(f"--port {port} is not a port", "give a number from 1 to 65535")
    with bound(host, int(port)) as probe:
        if sys.platform == "win32":
            return  # what is bound can be listened on, and listening raises the firewall's question
        try:
            probe.listen(1)
        except OSError as error:
            raise cannot_listen(host, port, error) from error


def bound(host: str, port: int) -> socket.socket:
    """A socket to listen with, bound to them. Raises Refusal."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if sys.platform == "win32" and host not in _ALL[family]:
            with socket.socket(family, socket.SOCK_STREAM) as everywhere:
                everywhere.bind((_ALL[family][0], port))
        return _exclusive(family, host, port)
    except OSError as error:
        raise cannot_listen(host, port, error) from error


def _exclusive(family: int, host: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":  # where SO_REUSEADDR lets two servers share a port in use
            option = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)  # only Windows has it
        else:
            option = socket.SO_REUSEADDR  # as upstream: beside connections that have just ended
        if option is not None:
            made.setsockopt(socket.SOL_SOCKET, option, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def cannot_listen(host: str, port: int | str, error: OSError) -> Refusal:
    """What `error`, of binding or listening, means for whoever asked for `port`."""
    where = f"port {port} of {host or 'all addresses'}"
    if error.errno == errno.EADDRINUSE:
        return Refusal(f"{where} is in use", _OTHER)
    if error.errno != errno.EACCES:
        what = f"cannot listen on {where} ({error.strerror})"
        return Refusal(what, "choose another --host or --port")
    if sys.platform == "win32":
        remedy = f"{_OTHER}; `{_RESERVED}` lists those that are reserved"
        return Refusal(f"{where} is in use or reserved by Windows", remedy)
    return Refusal(f"{where} is for privileged programs", "choose one from 1024 with --port NUMBER")


def check_free() -> None:
    """Raise Refusal if this machine has none left for the engine's own connections."""
    with contextlib.ExitStack() as held:
        try:
            for _ in range(FREE_PORTS):
                held.enter_context(socket.socket()).bind((LOOPBACK, 0))
        except OSError as error:
            raise Refusal(
                f"no TCP port of {LOOPBACK} is free for the engine ({error.strerror})",
                "end programs that hold connections open, or wait until closed ones are forgotten",
            ) from error
