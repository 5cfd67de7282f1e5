"""vLLM's Triton kernel that writes the KV cache, by `gfx::reshape_and_cache_flash`."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import torch
from gfx_kernels import reshape_and_cache_flash as op

from vllm_gfx import report

MODULE = "vllm.v1.attention.ops.triton_reshape_and_cache_flash"
NAME = f"{MODULE}.reshape_and_cache_kernel_flash"


class CacheWrite:
    """Called with the Triton kernel's arguments, name by name; which are tensors, not pointers.

    What ours does not serve still runs in Triton, and the report says why.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self.__name__ = kernel.__name__
        # vLLM forwards by name where the names are the kernel's, and all launch options with them.
        parameter = inspect.Parameter
        names = kernel.arg_names
        self.__signature__ = inspect.Signature(
            [parameter(name, parameter.KEYWORD_ONLY) for name in names]
        )

    def __call__(self, **given: Any) -> None:
        if not given["slot_mapping_ptr"].numel():
            return
        if reason := why_not(given):
            report.record(self.__name__, "op", "triton", reason)
            self._kernel[_grid(given)](**given)
            return
        report.record(self.__name__, "op", "gfx::reshape_and_cache_flash", "for Triton's")
        torch.ops.gfx.reshape_and_cache_flash(
            given["key_ptr"],
            given["value_ptr"],
            given["key_cache_ptr"],
            given["value_cache_ptr"],
            given["slot_mapping_ptr"],
            "fp8" if given["FP8_KV_CACHE"] else "auto",
            given["k_scale"],
            given["v_scale"],
        )


def why_not(given: dict[str, Any]) -> str | None:
    """Why our op does not serve this launch; None if it does."""
    key, cache = given["key_ptr"].dtype, given["key_cache_ptr"].dtype
    if given["USE_HEAD_MAJOR_LAYOUT"]:
        return "a cache with tokens innermost"
    served = cache in op.FP8 if given["FP8_KV_CACHE"] else cache == key
    if key not in op.NAMES or key in op.FP8 or not served:
        return f"{key} into {cache}"
    return None


def _grid(given: dict[str, Any]) -> tuple[int, int]:
    """The launch grid of the Triton kernel, which vLLM's override hook does not hand over."""
    numbers = given["num_heads"] * given["head_size"]
    return given["slot_mapping_ptr"].shape[0], -(-numbers // given["TILE_SIZE"])


def register() -> None:
    """Put it in the Triton kernel's place, wherever vLLM holds that; once per process."""
    from vllm.triton_utils.dispatcher import KernelOverride, register_kernels

    kernel = getattr(importlib.import_module(MODULE), NAME.rsplit(".", 1)[1])
    if not isinstance(kernel, KernelOverride):
        register_kernels({NAME: CacheWrite(kernel)})
