"""Which driver is there, and which one AMD documents for a release of its runtime."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vllm_gfx.machine.adapters import Adapter

KFD = Path("/dev/kfd")


@dataclass(frozen=True)
class Documented:
    """AMD's driver package that its documents name for ROCm `rocm` and later."""

    rocm: tuple[int, ...]
    software: str
    source: str


# Windows, newest first. On Linux AMD names no lowest version of the kernel's own driver: there the
# runtime's answer is all there is.
WINDOWS = (
    Documented((10, 0), "26.8.1", "github.com/ROCm/legacy-rocm-build pull request 6671"),
    Documented((7, 2), "26.2.2", "github.com/Comfy-Org/desktop pull request 1690"),
)


def numbers(version: str) -> tuple[int, ...]:
    """The leading dotted numbers of a version: (2, 13, 0) of 2.13.0+rocm10.0.0."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match.group().split("."))) if match else ()


def rocm_of(torch_version: str) -> str:
    """`10.0.0` of torch 2.13.0+rocm10.0.0; empty where the version names no ROCm."""
    match = re.search(r"\+rocm([\d.]+)", torch_version)
    return match.group(1).strip(".") if match else ""


def documented(rocm: str) -> Documented | None:
    """What AMD documents for ROCm `rocm` on this system; None where it names nothing."""
    if sys.platform != "win32" or not rocm:
        return None
    return next((row for row in WINDOWS if numbers(rocm) >= row.rocm), None)


def older(adapters: Iterable[Adapter], rocm: str) -> tuple[Adapter, Documented] | None:
    """The first adapter whose driver package is older than the one documented for `rocm`."""
    wanted = documented(rocm)
    for adapter in adapters if wanted else ():
        if wanted and adapter.software and numbers(adapter.software) < numbers(wanted.software):
            return adapter, wanted
    return None


def found(sys_folder: Path = Path("/sys"), proc: Path = Path("/proc")) -> dict[str, str]:
    """Linux: the kernel and the drivers it has loaded. Windows names a driver for each adapter."""
    if sys.platform == "win32":
        return {}
    facts = {"kernel": platform.release(), "amdgpu": "not loaded"}
    if (module := sys_folder / "module" / "amdgpu").is_dir():
        own = module / "version"  # only AMD's package of the driver has a version of its own
        facts["amdgpu"] = own.read_text("ascii").strip() if own.is_file() else "the kernel's own"
    nvidia = proc / "driver" / "nvidia" / "version"
    if nvidia.is_file():
        words = nvidia.read_text("ascii").split()
        facts["nvidia"] = next((w for w in words if len(numbers(w)) > 1), "loaded")
    return facts
