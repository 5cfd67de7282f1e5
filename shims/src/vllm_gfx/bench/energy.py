"""The joules the device has taken so far, where its driver counts them."""

from __future__ import annotations

from functools import cache, partial
from importlib import import_module
from typing import Any


def joules() -> float | None:
    """Since some fixed moment; None where no library or driver tells."""
    counter = _counter()
    return None if counter is None else counter()


@cache
def _counter() -> Any:
    import torch

    if not torch.cuda.is_available():
        return None
    return _amd() if torch.version.hip else _nvidia()


def _nvidia() -> Any:
    import torch

    try:
        pynvml: Any = import_module("pynvml")
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        # By its UUID: NVML counts devices that this process does not see.
        uuid = f"GPU-{torch.cuda.get_device_properties(0).uuid}"
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except pynvml.NVMLError:
        return None
    millijoules: Any = pynvml.nvmlDeviceGetTotalEnergyConsumption
    return lambda: millijoules(handle) / 1e3


def _amd() -> Any:
    """Not run on any AMD card. amdsmi counts in units that it says itself, in microjoules."""
    try:
        amdsmi: Any = import_module("amdsmi")
    except (ImportError, OSError):  # OSError: the module without its library
        return None
    try:
        amdsmi.amdsmi_init()
        handle = amdsmi.amdsmi_get_processor_handles()[0]
        read: Any = partial(amdsmi.amdsmi_get_energy_count, handle)
        scale = read()["counter_resolution"] / 1e6
    except (amdsmi.AmdSmiException, KeyError):
        return None
    return lambda: read()["energy_accumulator"] * scale
