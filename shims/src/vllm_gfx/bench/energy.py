"""The joules the device has taken so far, where its driver counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Counter:
    """`read` gives joules; `mute` is what it raises where the driver does not tell them."""

    read: Callable[[], float]
    mute: tuple[type[Exception], ...]


def joules() -> float | None:
    """Since some fixed moment; None where no library or driver tells."""
    counter = _counter()
    if counter is None:
        return None
    try:
        return counter.read()
    except counter.mute:
        return None


@cache
def _counter() -> Counter | None:
    import torch

    if not torch.cuda.is_available():
        return None
    card = torch.cuda.get_device_properties(0)
    return _amd(card) if torch.version.hip else _nvidia(card)


def _nvidia(card: Any) -> Counter | None:
    """Found by its UUID: NVML counts devices that this process does not see."""
    try:
        pynvml: Any = import_module("pynvml")
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{card.uuid}")
    except pynvml.NVMLError:
        return None
    millijoules: Any = pynvml.nvmlDeviceGetTotalEnergyConsumption
    return Counter(lambda: millijoules(handle) / 1e3, (pynvml.NVMLError,))


def _amd(card: Any) -> Counter | None:
    """Not run on any AMD card. Found by its PCI address, as amdsmi too counts what is not seen."""
    try:
        amdsmi: Any = import_module("amdsmi")
    except (ImportError, OSError):  # OSError: the module without its library
        return None
    try:
        amdsmi.amdsmi_init()
        handle = next(_at(card, amdsmi), None)
    except amdsmi.AmdSmiException:
        return None
    if handle is None:
        return None

    def read() -> float:
        """The library counts in units that it says itself, in microjoules."""
        told = amdsmi.amdsmi_get_energy_count(handle)
        return float(told["energy_accumulator"] * told["counter_resolution"] / 1e6)

    # KeyError: older libraries have another name for the count.
    return Counter(read, (amdsmi.AmdSmiException, KeyError))


def _at(card: Any, amdsmi: Any) -> Iterator[Any]:
    """The handles at the card's address `domain:bus:device.function`, whatever the function."""
    address = f"{card.pci_domain_id:04x}:{card.pci_bus_id:02x}:{card.pci_device_id:02x}."
    for handle in amdsmi.amdsmi_get_processor_handles():
        if amdsmi.amdsmi_get_gpu_device_bdf(handle).lower().startswith(address):
            yield handle
