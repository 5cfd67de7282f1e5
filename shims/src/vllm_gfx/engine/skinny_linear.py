"""Unquantised layers on AMD cards: upstream's op without its compiled kernels is torch's product.

Upstream calls one op for all of them and offers no registry of kernels for it, so the op gets
another implementation: ours for few rows, upstream's for the rest.
"""

from __future__ import annotations

import torch
from vllm.platforms import current_platform

APPLIES = ("linux", "win32")
TARGET = "torch.ops.vllm.rocm_unquantized_gemm"
UPSTREAM = "vllm/model_executor/layers/utils.py, dispatch_unquantized_gemm"
REMOVE_WHEN = "dispatch_unquantized_gemm asks a registry, or the plug-in, on ROCm platforms"

_library: torch.library.Library | None = None  # the implementation lives as long as it does


def needed() -> bool:
    """Whether this is our platform, on an AMD card that this build has the kernel for."""
    ours = type(current_platform).__module__.startswith("vllm_gfx.")
    if not (ours and current_platform.is_rocm()):
        return False
    from vllm_gfx.linear import unquantised

    return unquantised.why_not() is None


def install() -> None:
    """Give the op our implementation."""
    global _library
    from vllm_gfx.linear import unquantised

    _library = unquantised.install()
