"""Everything that decides whether a GPU can be used, as plain values: tests make worlds of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from vllm_gfx.machine import adapters, drivers, runtime, torch_view
from vllm_gfx.machine.adapters import AMD, Adapter
from vllm_gfx.machine.torch_view import TorchView

# HIP reads the second where the first is unset.
VISIBLE = ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")


@dataclass(frozen=True)
class World:
    """`kfd`: whether /dev/kfd is `usable`, `forbidden` or `absent`; `usable` on Windows.

    `kernels`: whether the code objects of `built_for` are there. `runtime`: how HIP starts, asked
    where torch sees no device.
    """

    built_for: str
    torch: TorchView
    adapters: tuple[Adapter, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    kfd: str = "usable"
    kernels: bool = True
    runtime: str = ""
    system: str = sys.platform

    @property
    def amd(self) -> list[Adapter]:
        return [adapter for adapter in self.adapters if adapter.vendor == AMD]

    @property
    def others(self) -> list[Adapter]:
        """Adapters of vendors that sell cards for computing, other than AMD."""
        return [a for a in self.adapters if a.vendor not in (AMD, "Intel")]


def here(variables: Mapping[str, str], torch: TorchView | None = None) -> World:
    """This machine and process; `torch` as seen by another process, where it was asked there."""
    built_for = import_module("gfx_kernels.targets").built_for()
    objects = import_module("gfx_kernels.runtime.objects").folder()
    torch = torch or torch_view.look(import_module("torch"))
    blind = torch.hip and not torch.devices
    return World(
        built_for=built_for,
        torch=torch,
        runtime=runtime.hip().get(runtime.INIT, "") if blind else "",
        adapters=tuple(adapters.found()),
        variables=dict(variables),
        kfd=kfd_state(drivers.KFD) if sys.platform != "win32" else "usable",
        kernels=any(objects.glob(f"{built_for}/*.hsaco")),
    )


def kfd_state(device: Path) -> str:
    """Whether this user may open the kernel's device for computing."""
    if not device.exists():
        return "absent"
    return "usable" if os.access(device, os.R_OK | os.W_OK) else "forbidden"
