"""Where a simulated AMD card is: on an NVIDIA GPU that torch sees, or on the CPU.

`VLLM_GFX_SIMULATE` runs everything that is decided for an AMD card without one. On an NVIDIA GPU
kernels are compiled and graphs captured; on the CPU Triton's interpreter takes their place. Neither
says anything about an AMD card's speed.
"""

from __future__ import annotations

import os

from vllm_gfx import envs


def on_cuda() -> bool:
    """Whether an NVIDIA GPU takes the simulated card's place. TRITON_INTERPRET=1 asks for the CPU.

    Child processes answer alike: they inherit the variables that the CPU's simulation sets.
    """
    if not envs.simulated_target() or os.environ.get("TRITON_INTERPRET") == "1":
        return False
    import torch  # not at the top: without a simulated card nobody needs it this early

    return torch.version.cuda is not None and torch.cuda.is_available()


def on_cpu() -> bool:
    """Whether the simulated card is the CPU."""
    return bool(envs.simulated_target()) and not on_cuda()
