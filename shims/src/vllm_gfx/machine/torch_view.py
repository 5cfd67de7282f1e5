"""What torch is built for and which devices it sees, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Device:
    """A GPU by torch's index; what torch does not say is empty or None."""

    index: int
    name: str
    gfx: str = ""
    total: int = 0  # bytes
    free: int | None = None  # bytes
    integrated: bool | None = None
    pci: str = ""


@dataclass(frozen=True)
class TorchView:
    """torch's build (`hip` or `cuda` names its runtime's version) and its devices.

    `error` is why it sees none, as the runtime says it.
    """

    version: str
    hip: str = ""
    cuda: str = ""
    devices: tuple[Device, ...] = ()
    error: str = ""

    @property
    def build(self) -> str:
        """`the ROCm build`, `the CUDA build` or `the CPU build`."""
        return f"the {'ROCm' if self.hip else 'CUDA' if self.cuda else 'CPU'} build"


def look(torch: Any, free: bool = False) -> TorchView:
    """Ask the module `torch`. Asking for `free` memory makes a context on each device."""
    hip, cuda = torch.version.hip or "", torch.version.cuda or ""
    error = _why_none(torch) if hip or cuda else ""
    count = torch.cuda.device_count() if (hip or cuda) and not error else 0
    devices = tuple(_device(torch, index, free) for index in range(count))
    return TorchView(str(torch.__version__), hip, cuda, devices, error)


def _why_none(torch: Any) -> str:
    if torch.cuda.is_available():
        return ""
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:  # torch's two ways to say that there is none
        return " ".join(str(error).split()) or type(error).__name__
    return "no device is available"


def _device(torch: Any, index: int, free: bool) -> Device:
    properties = torch.cuda.get_device_properties(index)
    integrated = getattr(properties, "is_integrated", None)
    return Device(
        index=index,
        name=str(properties.name),
        gfx=str(getattr(properties, "gcnArchName", "")).split(":")[0],
        total=int(properties.total_memory),
        free=_free(torch, index) if free else None,
        integrated=None if integrated is None else bool(integrated),
        pci=_pci(properties),
    )


def _free(torch: Any, index: int) -> int | None:
    """None where not even a context fits, or the driver does not tell."""
    try:
        return int(torch.cuda.mem_get_info(index)[0])
    except RuntimeError:
        return None


def _pci(properties: Any) -> str:
    domain, bus, slot = (
        getattr(properties, f"pci_{what}_id", None) for what in ("domain", "bus", "device")
    )
    return "" if bus is None or slot is None else f"{domain or 0:04x}:{bus:02x}:{slot:02x}.0"
