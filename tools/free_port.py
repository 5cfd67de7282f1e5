"""A port for a server that loads a model first, and so listens a minute later.

The tests use it too, inside a prefix: standard library only.
"""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path

LOWEST = 10_000
GIVEN_BY_LINUX = Path("/proc/sys/net/ipv4/ip_local_port_range")
GIVEN_BY_WINDOWS = 49_152  # from there on


def free_port() -> int:
    """A port that is free now, and that the system gives to nobody who asks for any.

    Until the server listens the programs beside it open hundreds of connections; one of the ports
    that the system gives would often be taken by them.
    """
    choice = random.SystemRandom()  # whatever a test seeds
    end = given_from()
    while True:
        port = choice.randrange(LOWEST, end) if end > LOWEST else 0  # 0: nearly all are given
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return int(probe.getsockname()[1])


def given_from() -> int:
    """The first port of those that the system gives."""
    if not GIVEN_BY_LINUX.is_file():
        return GIVEN_BY_WINDOWS
    return int(GIVEN_BY_LINUX.read_text(encoding="ascii").split()[0])
