"""The AMD path on a CPU: a gfx name without the card, Triton's interpreter instead of its compiler.

For tests. Everything that `GfxRocmPlatform` decides is decided here the same way; what is replaced
is where tensors live and how processes talk. It proves nothing about speed or about a GPU.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil
from gfx_kernels import targets

from vllm_gfx import envs
from vllm_gfx.platform import simulated_device

if TYPE_CHECKING:
    import torch
    from vllm.config import VllmConfig

if os.environ.get("TRITON_INTERPRET") != "1":
    raise RuntimeError(
        "VLLM_GFX_SIMULATE needs TRITON_INTERPRET=1, HIP_VISIBLE_DEVICES= and "
        "CUDA_VISIBLE_DEVICES= in the environment before Python imports vllm"
    )
if envs.simulated_target() == targets.REFERENCE:
    raise ValueError("VLLM_GFX_SIMULATE takes a gfx name; the cpu target needs no simulation")
simulated_device.pretend(envs.simulated_target())

# After the device exists: upstream reads its gfx name when its module is imported.
from vllm_gfx.platform.rocm import GfxRocmPlatform  # noqa: E402


class SimulatedRocmPlatform(GfxRocmPlatform):
    """Overrides only what needs the device itself."""

    device_type = "cpu"
    dispatch_key = "CPU"
    dist_backend = "gloo"
    simple_compile_backend = "eager"

    @classmethod
    def set_device(cls, device: torch.device) -> None:
        """There is one device and it is always set."""

    @classmethod
    def device_count(cls) -> int:
        return 1

    @classmethod
    def is_pin_memory_available(cls) -> bool:
        """False: with no device there is no allocator of pinned memory, so buffers are copied."""
        return False

    @classmethod
    def get_current_memory_usage(cls, device: torch.types.Device | None = None) -> float:
        """Bytes of this process: the simulated device's memory is the machine's."""
        return float(psutil.Process().memory_info().rss)

    @classmethod
    def support_static_graph_mode(cls) -> bool:
        return False

    @classmethod
    def check_and_update_config(cls, vllm_config: VllmConfig) -> None:
        """No graphs, our simulating worker, then what the AMD platform decides.

        A compiler that is asked for compiles: inductor for the CPU, which needs one for C++.
        """
        from vllm.config import CUDAGraphMode

        compilation = vllm_config.compilation_config
        compilation.cudagraph_mode = CUDAGraphMode.NONE
        if compilation.compile_sizes is None:
            compilation.compile_sizes = []  # upstream does so with the sizes of graphs
        parallel = vllm_config.parallel_config
        if parallel.worker_cls == "auto":
            parallel.worker_cls = "vllm_gfx.simulated_worker.SimulatedWorker"
        # A forked child would inherit torch's OpenMP threads in an unusable state.
        os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
        super().check_and_update_config(vllm_config)
