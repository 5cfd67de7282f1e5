"""Windows has no `fcntl`, the Unix way to lock a file.

vLLM's connector that writes hidden states imports it, and locks each file until it is whole.
Without this an engine whose `--kv-transfer-config` names that connector does not start.
"""

from __future__ import annotations

import importlib.util
import sys

APPLIES = ("win32",)
TARGET = "fcntl"
UPSTREAM = "vllm/distributed/kv_transfer/kv_connector/v1/example_hidden_states_connector.py"
REMOVE_WHEN = "no module of vLLM imports fcntl"


def needed() -> bool:
    """Whether Python has no module of that name but ours."""
    spec = importlib.util.find_spec("fcntl")
    return spec is None or spec.name != "fcntl"


def install() -> None:
    """Ours under its name."""
    from vllm_gfx.stand_ins import fcntl

    sys.modules["fcntl"] = fcntl
