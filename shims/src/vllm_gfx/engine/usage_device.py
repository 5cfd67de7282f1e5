"""The usage statistics ask a forked process for the GPU's name and memory; Windows has no fork.

Without this the thread that sends them, if they are allowed, ends in ValueError.
"""

from __future__ import annotations

import inspect
import multiprocessing
from collections.abc import Sequence
from typing import Any

APPLIES = ("win32",)
TARGET = "vllm.usage.usage_lib.cuda_get_device_properties"
UPSTREAM = "vllm/utils/platform_utils.py, cuda_get_device_properties"
REMOVE_WHEN = "cuda_get_device_properties asks a process that is not forked"

_USER = "vllm.usage.usage_lib"


def needed() -> bool:
    """Whether upstream's function forks, and this system cannot."""
    from vllm.utils import platform_utils

    source = inspect.getsource(platform_utils.cuda_get_device_properties)
    forks = 'get_context("fork")' in source
    return forks and "fork" not in multiprocessing.get_all_start_methods()


def device_properties(
    device: int, names: Sequence[str], init_cuda: bool = False
) -> tuple[Any, ...]:
    """What the platform says of `device`; nothing is started for it. Raises KeyError."""
    from vllm.platforms import current_platform

    asked = {
        "name": current_platform.get_device_name,
        "total_memory": current_platform.get_device_total_memory,
    }
    return tuple(asked[name](device) for name in names)


def install() -> None:
    """Ask the platform instead."""
    from vllm.usage import usage_lib

    usage_lib.cuda_get_device_properties = device_properties
