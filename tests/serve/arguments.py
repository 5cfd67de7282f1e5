"""How the tests start a server, apart from who starts it: another process may, and say which port.

Imports nothing that only a prefix has.
"""

from __future__ import annotations

KEY = "sk-of-the-tests"
NAME = "tiny"
MAX_LEN = 1024
KV_CACHE = 1 << 28  # bytes; the default of 1 GiB takes seconds to be zeroed
# The port of a server that runs already, started with `arguments`; it is used, and not ended.
RUNNING = "GFX_TESTS_SERVER_PORT"

# A client's connection outlasts any pause between two of its requests, on whatever machine.
VARIABLES = {"VLLM_HTTP_TIMEOUT_KEEP_ALIVE": "600"}


def arguments(model: str, port: int, *flags: str) -> list[str]:
    """Of `vllm-gfx`. The KV cache is small, unless the flags say how large the engine is to be."""
    served = ["serve", model, "--port", str(port), "--served-model-name", NAME]
    sizes = ["--max-model-len", str(MAX_LEN)]
    if not any(flag.startswith("--gpu-memory-utilization") for flag in flags):
        sizes += ["--kv-cache-memory-bytes", str(KV_CACHE)]
    return [*served, "--dtype", "float32", *sizes, *flags]
