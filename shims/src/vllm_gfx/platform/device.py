"""What vLLM asks about GPUs, answered by torch.cuda, where upstream asks AMD's `amdsmi` library.

`amdsmi` does not exist on Windows and is not installed by us on Linux.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

_PCI = Path("/sys/bus/pci/devices")


class TorchDeviceQueries:
    """Mixin for a Platform: device facts by vLLM's logical device id."""

    @classmethod
    def _properties(cls, device_id: int) -> Any:
        visible = cls.logical_device_id_to_visible_device_id(device_id)  # type: ignore[attr-defined]
        return torch.cuda.get_device_properties(visible)

    @classmethod
    def get_device_name(cls, device_id: int = 0) -> str:
        """The name by which upstream files its tuned tables, where it knows the card."""
        from vllm.platforms.rocm import _ROCM_DEVICE_ID_NAME_MAP

        name = str(cls._properties(device_id).name)
        known = {_squeeze(n): n for n in _ROCM_DEVICE_ID_NAME_MAP.values()}
        return known.get(_squeeze(name), name)

    @classmethod
    def get_device_uuid(cls, device_id: int = 0) -> str:
        """torch's UUID of the device."""
        return str(cls._properties(device_id).uuid)

    @classmethod
    def get_device_total_memory(cls, device_id: int = 0) -> int:
        """Bytes of device memory."""
        return int(cls._properties(device_id).total_memory)

    @classmethod
    def is_fully_connected(cls, physical_device_ids: list[int]) -> bool:
        """False: torch cannot tell a direct link between GPUs, and only tuning depends on it."""
        return False

    @classmethod
    def get_all_device_numa_nodes(cls) -> list[int] | None:
        """The NUMA node of each visible GPU by the kernel's PCI table; None where that is mute."""
        count = cls.device_count()  # type: ignore[attr-defined]
        # By torch's numbers: a data parallel engine's own logical ids name its GPUs alone.
        nodes = [_numa_node(torch.cuda.get_device_properties(i)) for i in range(count)]
        return nodes if all(n >= 0 for n in nodes) else None


def _squeeze(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _numa_node(properties: Any) -> int:
    """-1 where the kernel does not say, as on Windows and on machines with one node."""
    domain, bus, slot = (
        properties.pci_domain_id,
        properties.pci_bus_id,
        properties.pci_device_id,
    )
    entry = _PCI / f"{domain:04x}:{bus:02x}:{slot:02x}.0" / "numa_node"
    return int(entry.read_text()) if entry.is_file() else -1
