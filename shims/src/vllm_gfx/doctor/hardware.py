"""The machine under this environment: GPUs, drivers, loaded libraries, free memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from vllm_gfx.doctor import shared_memory
from vllm_gfx.machine import adapters, drivers, libraries, memory, probe
from vllm_gfx.machine.adapters import AMD, Adapter
from vllm_gfx.machine.memory import gib
from vllm_gfx.machine.torch_view import Device, TorchView
from vllm_gfx.preflight import world
from vllm_gfx.preflight.world import World

# Folders that fill up, or must be writable: the variables that move each, and where it is else,
# from the user's folder.
_FOLDERS = {
    "model cache": (("HF_HOME",), ".cache/huggingface"),
    "vLLM cache": (("VLLM_CACHE_ROOT",), ".cache/vllm"),
    "temporary files": (("TMPDIR", "TEMP"), "/tmp"),  # tempfile would try to write one
}


@cache
def _asked() -> probe.Answer | probe.ProbeFailed:
    try:
        return probe.ask()
    except probe.ProbeFailed as error:
        return error


def answer() -> probe.Answer:
    """What torch says, in a process of its own, asked once. Raises ProbeFailed."""
    found = _asked()
    if isinstance(found, probe.ProbeFailed):
        raise found
    return found


def here() -> World:
    """This machine as the checks before an engine see it."""
    return world.here(os.environ, answer().torch)


def target() -> dict[str, Any]:
    """What the packages were built for, beside the GPUs that the system shows."""
    targets = import_module("gfx_kernels.targets")
    built = targets.built_for()
    seen = [a.gfx or a.name for a in adapters.found() if a.vendor == AMD] or _by_torch()
    return {
        "built for": built,
        "devices": seen or ["no AMD GPU"],
        "torch": _torch_line(),
        "verdict": verdict(built, seen, list(targets.all_targets()), targets.REFERENCE),
    }


def _by_torch() -> list[str]:
    """The gfx names that torch knows, where the system does not list adapters."""
    found = _asked()
    if isinstance(found, probe.ProbeFailed):
        return []
    return [device.gfx for device in found.torch.devices if device.gfx]


def _torch_line() -> str:
    found = _asked()
    if isinstance(found, probe.ProbeFailed):
        return str(found)
    names = ", ".join(device.name for device in found.torch.devices)
    return f"{_build(found.torch)}: {names or found.torch.error or 'cpu only'}"


def _build(torch: TorchView) -> str:
    return f"{torch.version}, {torch.build}" + (f" (HIP {torch.hip})" if torch.hip else "")


def verdict(built: str, seen: list[str], known: list[str], reference: str) -> str:
    """Whether the build suits the machine, and which build would."""
    if built == reference:
        others = [gfx for gfx in seen if gfx in known]
        hint = f"; a faster build exists: gfx-target=*={others[0]}_*" if others else ""
        return f"runs on the CPU, for correctness and not for speed{hint}"
    if built in seen:
        return "the build matches a device"
    return f"no {built} device is seen: install the build for this device, or the cpu target"


def driver_and_runtime() -> dict[str, Any]:
    """Drivers by the system, the HIP library by itself, and the driver that AMD documents."""
    torch = answer().torch
    facts: dict[str, Any] = {**drivers.found(), **answer().runtime}
    facts |= {f"driver of {a.name}": _driver(a) for a in adapters.found()}
    if sys.platform != "win32":
        facts[str(drivers.KFD)] = world.kfd_state(drivers.KFD)
    if wanted := drivers.documented(drivers.rocm_of(torch.version)):
        facts["documented by AMD"] = f"{wanted.software} or newer ({wanted.source})"
    return facts


def _driver(adapter: Adapter) -> str:
    software = f" ({adapter.software})" if adapter.software else ""
    return f"{adapter.driver or 'none'}{software}"


def devices() -> dict[str, Any]:
    """Each adapter as the system lists it, and each device as torch sees it."""
    listed = {f"{a.pci or i} {a.name}".strip(): _adapter(a) for i, a in enumerate(adapters.found())}
    seen = {f"torch device {d.index}": _device(d) for d in answer().torch.devices}
    return {**listed, **seen} or {"devices": "none"}


def _adapter(adapter: Adapter) -> str:
    parts = [adapter.vendor, adapter.gfx]
    if adapter.vram_total:
        parts.append(gib(adapter.vram_total))
    return ", ".join(filter(None, parts))


def _device(device: Device) -> str:
    kind = {None: "", True: "integrated", False: "a card"}[device.integrated]
    return ", ".join(filter(None, (device.name, device.gfx, kind, gib(device.total))))


def loaded_libraries() -> dict[str, Any]:
    """Files of the GPU's and torch's libraries that a process with torch has loaded."""
    paths = answer().libraries
    return {**libraries.watched(paths), "all": f"{len(paths)} libraries"}


def free_memory() -> dict[str, Any]:
    """Free of all there is: RAM, GPU memory, disks."""
    total, free = memory.ram()
    facts = {"RAM": f"{gib(free)} of {gib(total)}"}
    for name, free_bytes, size in gpu_memory():
        facts[f"memory of {name}"] = f"{gib(free_bytes)} of {gib(size)}"
    facts |= shared_memory.facts()
    for what, folder in folders().items():
        facts[f"disk: {what}"] = f"{gib(memory.disk(folder))} at {folder}"
    return facts


def gpu_memory() -> list[tuple[str, int, int]]:
    """Name, free and total bytes of each GPU, as torch tells; else as the system does."""
    found = _asked()
    seen = [] if isinstance(found, probe.ProbeFailed) else found.torch.devices
    told = [(d.name, d.free, d.total) for d in seen if d.free is not None]
    return told or [
        (a.name, a.vram_free, a.vram_total)
        for a in adapters.found()
        if a.vram_free is not None and a.vram_total is not None
    ]


def folders() -> dict[str, Path]:
    """The prefix, and the folders that an engine writes to; none that nobody can name."""
    found = {"prefix": Path(sys.prefix)}
    for what, (variables, place) in _FOLDERS.items():
        with suppress(OSError, RuntimeError):  # a user without a folder
            found[what] = _folder(variables, place)
    return found


def _folder(variables: Sequence[str], place: str) -> Path:
    moved = next((value for name in variables if (value := os.environ.get(name))), None)
    if moved or Path(place).is_absolute():
        return Path(moved or place)
    return Path.home() / place
