"""How the tests start a server, apart from who starts it: another process may, and say which port.

Imports nothing that only a prefix has.
"""

from __future__ import annotations

import socket

KEY = "sk-of-the-tests"
NAME = "tiny"
MAX_LEN = 1024
# The port of a server that runs already, started with `arguments`; it is used, and not ended.
RUNNING = "GFX_TESTS_SERVER_PORT"


def arguments(model: str, port: int, *flags: str) -> list[str]:
    """Of `vllm-gfx`."""
    served = ["serve", model, "--port", str(port), "--served-model-name", NAME]
    return [*served, "--dtype", "float32", "--max-model-len", str(MAX_LEN), *flags]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
