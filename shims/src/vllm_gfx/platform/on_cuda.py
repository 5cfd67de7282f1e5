"""The AMD path on an NVIDIA GPU: a gfx name for upstream's choices, everything else is real.

The vehicle for tests and timings on the GPU that can be had. What it cannot show is AMD's driver,
AMD's compiler behind Triton, and AMD's speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from gfx_kernels import targets

from vllm_gfx import envs

if envs.simulated_target() == targets.REFERENCE:
    raise ValueError("VLLM_GFX_SIMULATE takes a gfx name; the cpu target needs no simulation")


@contextmanager
def _named(gfx: str) -> Iterator[None]:
    """While it lasts torch names `gfx`; upstream reads the name when its module is imported."""
    before = torch.cuda.get_device_properties

    def get_device_properties(*_: Any) -> SimpleNamespace:
        return SimpleNamespace(gcnArchName=gfx)

    torch.cuda.get_device_properties = get_device_properties
    try:
        yield
    finally:
        torch.cuda.get_device_properties = before


with _named(targets.get(envs.simulated_target()).name):
    from vllm_gfx.platform.rocm import GfxRocmPlatform


class OnCudaPlatform(GfxRocmPlatform):
    """What `GfxRocmPlatform` decides for the simulated gfx, run by CUDA."""

    @classmethod
    def device_count(cls) -> int:
        """What CUDA sees. Upstream asks AMD's library, which torch for CUDA never imports."""
        return torch.cuda.device_count()
