"""Unquantised layers, the output head and routers on GPUs: few rows through `gfx::skinny_linear`.

Everything else goes where upstream sends it. `GFX_KERNELS_IMPLEMENTATION=skinny_linear=torch`
turns the kernel off.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from gfx_kernels import skinny_linear
from vllm import envs as vllm_envs
from vllm.platforms import current_platform

from vllm_gfx.linear import target

Gemm = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]

# Every unquantised product of a ROCm platform passes through this op.
OP = "rocm_unquantized_gemm"


def why_not() -> str | None:
    """Why this process does not use skinny_linear; None if it does."""
    if vllm_envs.VLLM_BATCH_INVARIANT:
        return "VLLM_BATCH_INVARIANT asks for upstream's own"
    return target.no_kernel(skinny_linear)


def gemm(upstream: Gemm) -> Gemm:
    """The product `x` `[..., k]` by `weight` `[n, k]`: the op where it may serve, or `upstream`."""

    def unquantised_gemm(
        x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        if not _fits(x, weight, bias):
            return upstream(x, weight, bias)
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        return skinny_linear.skinny_linear(rows, weight, bias).view(*x.shape[:-1], weight.shape[0])

    return unquantised_gemm


def _fits(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> bool:
    """Whether these are arguments of the op at all; which implementation serves is its choice."""
    tensors = [x, weight] if bias is None else [x, weight, bias]
    alike = all(t.dtype == x.dtype and t.device == x.device for t in tensors)
    dense = all(t.is_contiguous() and t.numel() for t in tensors[1:])
    few = 0 < x.numel() <= skinny_linear.MAX_ROWS * x.shape[-1]
    return few and x.dtype in skinny_linear.DTYPES and alike and dense


def install() -> torch.library.Library:
    """Put `gemm` in place of upstream's implementation of OP, while the returned object lives."""
    from vllm.model_executor.layers import utils

    library = torch.library.Library("vllm", "IMPL")
    ours = gemm(utils.rocm_unquantized_gemm_impl)
    library.impl(OP, ours, current_platform.dispatch_key, allow_override=True)
    return library


def describe(weight: torch.Tensor | None, upstream: str) -> tuple[str, str]:
    """For the report: implementation and reason of an unquantised layer on a ROCm platform."""
    reason = why_not()
    if reason is None and weight is not None and weight.dtype not in skinny_linear.DTYPES:
        reason = f"{weight.dtype} weights"
    if reason is not None:
        return upstream, f"unquantised; not {skinny_linear.__name__.split('.')[-1]}: {reason}"
    served = skinny_linear.describe(target.name())
    return "skinny_linear", f"unquantised; {served} up to {skinny_linear.MAX_ROWS} rows"
