"""vLLM empties torch's pinned-memory cache at shutdown, which raises where there is no accelerator.

Without this, every engine on the cpu target ends with a traceback after its work is done.
"""

from __future__ import annotations

import torch

APPLIES = ("linux", "win32")
TARGET = "torch.accelerator.empty_host_cache"
UPSTREAM = "vllm/distributed/parallel_state.py, cleanup_dist_env_and_memory"
REMOVE_WHEN = "torch.accelerator.empty_host_cache() returns quietly without an accelerator"


def needed() -> bool:
    """Whether this torch has the function and no device to call it for."""
    has_function = hasattr(torch.accelerator, "empty_host_cache")
    return has_function and not torch.accelerator.is_available()


def install() -> None:
    """Nothing is pinned without an accelerator, so there is nothing to empty."""
    torch.accelerator.empty_host_cache = lambda: None
