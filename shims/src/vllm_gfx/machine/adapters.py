"""The graphics adapters that the system lists, without any GPU library."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from vllm_gfx.machine import windows_displays

AMD = "AMD"
_VENDORS = {0x1002: AMD, 0x10DE: "NVIDIA", 0x8086: "Intel"}
_CLASSES = ("0x03", "0x12")  # PCI: display controllers, processing accelerators
_SYS = Path("/sys")


@dataclass(frozen=True)
class Adapter:
    """One graphics adapter; what the system does not say is empty, or None for bytes."""

    vendor: str
    name: str
    pci: str = ""  # 0000:03:00.0
    gfx: str = ""
    driver: str = ""  # its kernel driver's name on Linux, its version on Windows
    software: str = ""  # of AMD's driver package on Windows: 26.8.1
    vram_total: int | None = None
    vram_free: int | None = None


def found(sys_folder: Path = _SYS) -> list[Adapter]:
    """Every adapter of a known vendor, in the order of their addresses."""
    return list(_windows() if sys.platform == "win32" else _linux(sys_folder))


def gfx_name(version: int) -> str:
    """`gfx90a` of 90010: a major, a minor and a stepping of two decimal digits each."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def kfd(sys_folder: Path = _SYS) -> dict[str, str]:
    """PCI address -> gfx name of the GPUs that Linux offers for computing."""
    gpus = {}
    for path in sorted(sys_folder.glob("class/kfd/kfd/topology/nodes/*/properties")):
        lines = (line.split() for line in path.read_text(encoding="ascii").splitlines())
        node = {parts[0]: int(parts[1]) for parts in lines if len(parts) == 2}
        if version := node.get("gfx_target_version", 0):
            gpus[_address(node)] = gfx_name(version)
    return gpus


def _address(node: dict[str, int]) -> str:
    at = node.get("location_id", 0)
    return f"{node.get('domain', 0):04x}:{at >> 8:02x}:{at >> 3 & 31:02x}.{at & 7}"


def _linux(sys_folder: Path) -> Iterator[Adapter]:
    computing = kfd(sys_folder)
    for folder in sorted(sys_folder.glob("bus/pci/devices/*")):
        if (adapter := _of_pci(folder)) is not None:
            yield replace(adapter, gfx=computing.pop(adapter.pci, ""))
    for address, gfx in computing.items():  # a container may hide the bus and show the GPUs
        yield Adapter(AMD, gfx, address, gfx, "amdgpu")


def _of_pci(folder: Path) -> Adapter | None:
    vendor = _VENDORS.get(int(_text(folder / "vendor") or "0", 16))
    if vendor is None or not _text(folder / "class").startswith(_CLASSES):
        return None
    total, used = (_text(folder / f"mem_info_vram_{what}") for what in ("total", "used"))
    return Adapter(
        vendor=vendor,
        name=_text(folder / "product_name") or f"{vendor} device {_text(folder / 'device')}",
        pci=folder.name,
        driver=(folder / "driver").resolve().name if (folder / "driver").exists() else "",
        vram_total=int(total) if total else None,
        vram_free=int(total) - int(used) if total and used else None,
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""


def _windows() -> Iterator[Adapter]:
    for values in windows_displays.values(import_module("winreg")):
        if adapter := _of_registry(values):
            yield adapter


def _of_registry(values: dict[str, Any]) -> Adapter | None:
    _, _, after = str(values.get("MatchingDeviceId", "")).lower().partition("ven_")
    number = re.match("[0-9a-f]{4}", after)  # not all are: ACPI\VEN_QCOM
    vendor = _VENDORS.get(int(number[0], 16)) if number else None
    if vendor is None:
        return None
    size = values.get("HardwareInformation.qwMemorySize")
    return Adapter(
        vendor=vendor,
        name=str(values.get("DriverDesc", vendor)),
        driver=str(values.get("DriverVersion", "")),
        software=str(values.get("RadeonSoftwareVersion", "")),
        vram_total=size if isinstance(size, int) else None,
    )
