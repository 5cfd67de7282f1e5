"""A GPU that only exists as properties: torch.cuda then names the gfx that was asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psutil
import torch
from gfx_kernels import targets

# What the model loader asks torch.accelerator, which raises where there is no device.
_ACCELERATOR = {"current_device_index": 0, "max_memory_allocated": 0}
# No real card's number: choices that depend on it must not pass for tuned ones.
_COMPUTE_UNITS = 32


def pretend(gfx: str) -> None:
    """Make `torch.cuda.get_device_properties` describe `gfx`, in this process.

    Raises ValueError for a name that is not in the target table.
    """
    target = targets.get(gfx)
    major, minor, _ = (int(part) for part in target.isa.split("."))
    properties = SimpleNamespace(
        name=f"simulated {gfx}",
        gcnArchName=gfx,
        major=major,
        minor=minor,
        warp_size=target.wave_size,
        multi_processor_count=_COMPUTE_UNITS,
        total_memory=psutil.virtual_memory().total,
        uuid=f"simulated-{gfx}",
        pci_domain_id=0,
        pci_bus_id=0,
        pci_device_id=0,
    )

    def get_device_properties(device: Any = None) -> SimpleNamespace:
        return properties

    torch.cuda.get_device_properties = get_device_properties
    for name, answer in _ACCELERATOR.items():
        setattr(torch.accelerator, name, lambda *_, answer=answer: answer)
