"""How the tests start a server, apart from who starts it: another process may, and say which port.

Imports nothing that only a prefix has.
"""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path

KEY = "sk-of-the-tests"
NAME = "tiny"
MAX_LEN = 1024
# The port of a server that runs already, started with `arguments`; it is used, and not ended.
RUNNING = "GFX_TESTS_SERVER_PORT"
LOWEST_PORT = 10_000
GIVEN_BY_LINUX = Path("/proc/sys/net/ipv4/ip_local_port_range")


def arguments(model: str, port: int, *flags: str) -> list[str]:
    """Of `vllm-gfx`."""
    served = ["serve", model, "--port", str(port), "--served-model-name", NAME]
    return [*served, "--dtype", "float32", "--max-model-len", str(MAX_LEN), *flags]


def free_port() -> int:
    """A port that is free now, and that Linux gives to nobody who asks for any.

    A server that loads a model first listens a minute later. Until then the tests beside this one
    open hundreds of connections; one of the ports that Linux gives would often be taken by them.
    """
    given_from = int(GIVEN_BY_LINUX.read_text(encoding="ascii").split()[0])
    while True:
        port = random.SystemRandom().randrange(LOWEST_PORT, given_from)  # whatever a test seeds
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port
