"""What a row says of where it was measured: device, system, versions, commit."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from vllm_gfx.bench import rows
from vllm_gfx.machine import adapters, drivers

# Bytes each way; more than the device's caches hold, and small beside its memory.
COPIED_BYTES = {"cuda": 512 << 20, "cpu": 128 << 20}
COPIES = {"cuda": 20, "cpu": 5}


# What is published under another name somewhere: for Windows by the project triton-windows.
_DISTRIBUTIONS = {"triton": ("triton", "triton-windows")}


def versions() -> dict[str, str | None]:
    """Of everything `rows.VERSIONS` names; None for what is not installed."""
    return {"python": platform.python_version()} | {
        name: _version(name) for name in rows.VERSIONS if name != "python"
    }


def _version(name: str) -> str | None:
    for distribution in _DISTRIBUTIONS.get(name, (name,)):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return None


def commit() -> str:
    """Of the checkout that this very file is tracked in; "" where it is an installed copy."""
    here = Path(__file__)
    git = ["git", "-C", str(here.parent)]
    try:
        subprocess.run([*git, "ls-files", "--error-unmatch", here.name], **_QUIET, check=True)
        asked = [*git, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        done = subprocess.run(asked, **_QUIET, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return str(done.stdout).strip()


_QUIET: dict[str, Any] = {"capture_output": True, "text": True}


def ready() -> None:
    """Import torch and make the GPU's context: any engine's start does, whoever measures it."""
    import torch

    if torch.cuda.is_available():
        torch.empty(1, device="cuda")


def device() -> dict[str, Any]:
    """The device that torch uses here, with the bandwidth of a large copy measured now."""
    import torch

    found = _gpu(torch) if torch.cuda.is_available() else _cpu()
    return {**found, "copy_gb_s": round(copy_gb_s(), 1)}


def _gpu(torch: Any) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(0)
    hip = torch.version.hip is not None
    arch = properties.gcnArchName if hip else f"sm_{properties.major}{properties.minor}"
    memory = round(properties.total_memory / 1e9, 1)
    name = torch.cuda.get_device_name(0)
    return {"name": name, "gfx": arch, "memory_gb": memory, "driver": driver(hip)}


def _cpu() -> dict[str, Any]:
    import psutil

    name = platform.processor() or platform.machine()
    memory = round(psutil.virtual_memory().total / 1e9, 1)
    name = f"{name}, {psutil.cpu_count()} threads"
    return {"name": name, "gfx": "cpu", "memory_gb": memory, "driver": None}


def driver(of_amd: bool) -> str | None:
    """The GPU driver's version; None where the system does not say it."""
    found = drivers.found()
    if not of_amd:
        return found.get("nvidia")
    if sys.platform == "win32":
        return next(
            (a.software or a.driver for a in adapters.found() if a.vendor == adapters.AMD), None
        )
    return f"amdgpu {found['amdgpu']}, kernel {found['kernel']}"


def copy_gb_s() -> float:
    """GB/s of a large copy on the device, bytes read plus bytes written, the best of COPIES.

    The best: what shares are taken of must not be too small. Not as a graph: a copy in a graph
    reaches two thirds of this on an H200.
    """
    import torch

    name = "cuda" if torch.cuda.is_available() else "cpu"
    words = COPIED_BYTES[name] // 4
    source = torch.randint(-(2**31), 2**31, (words,), dtype=torch.int32, device=name)
    target = torch.empty_like(source)
    timed = _gpu_seconds if name == "cuda" else _cpu_seconds
    best = min(timed(partial(target.copy_, source)) for _ in range(COPIES[name]))
    if name == "cuda":
        source = target = None
        torch.cuda.empty_cache()  # the engine counts what is free
    return 2 * COPIED_BYTES[name] / best / 1e9


def _gpu_seconds(call: Callable[[], Any]) -> float:
    import torch

    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / 1e3


def _cpu_seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
