"""Which implementation serves each linear layer of a loaded model, read from the layers."""

from __future__ import annotations

from typing import Any

from torch import nn
from vllm import envs
from vllm.model_executor.kernels import linear as upstream
from vllm.model_executor.kernels.linear import MPLinearKernel, MPLinearLayerConfig
from vllm.model_executor.layers.linear import LinearBase, UnquantizedLinearMethod
from vllm.model_executor.layers.utils import (
    default_unquantized_gemm,
    dispatch_unquantized_gemm,
)
from vllm.model_executor.layers.vocab_parallel_embedding import (
    ParallelLMHead,
    UnquantizedEmbeddingMethod,
)
from vllm.platforms import current_platform

from vllm_gfx import report
from vllm_gfx.linear import unquantised

_UNQUANTISED = (UnquantizedLinearMethod, UnquantizedEmbeddingMethod)


def record(model: nn.Module) -> None:
    """One row per linear layer and output head of `model`, under its name in `model`."""
    for name, layer in model.named_modules():
        if isinstance(layer, LinearBase | ParallelLMHead):
            report.record(name, "linear", *_served_by(layer))


def _served_by(layer: nn.Module) -> tuple[str, str]:
    """Implementation and reason."""
    method: Any = layer.quant_method
    if isinstance(method, _UNQUANTISED):
        gemm = getattr(method, "_gemm_impl", None) or dispatch_unquantized_gemm()
        if gemm is default_unquantized_gemm:
            return "torch", "unquantised"
        return unquantised.describe(getattr(layer, "weight", None), gemm.__name__)
    for owner in (method, getattr(layer, "scheme", None)):
        for part in vars(owner).values() if owner is not None else ():
            if isinstance(part, MPLinearKernel) or _is_upstreams(part):
                return _kernel(part)
    return type(method).__name__, "no separate kernel"


def _is_upstreams(part: object) -> bool:
    return type(part).__module__.startswith(f"{upstream.__name__}.") and hasattr(part, "config")


def _kernel(kernel: Any) -> tuple[str, str]:
    reason = kernel.describe() if hasattr(kernel, "describe") else ""
    if isinstance(kernel, MPLinearKernel):
        parts = (reason, describe(kernel.config), *passed_over(type(kernel), kernel.config))
        reason = "; ".join(filter(None, parts))
    return type(kernel).__name__, reason


def describe(config: MPLinearLayerConfig) -> str:
    """A layer's quantisation in a few words."""
    dtype = str(config.act_type).removeprefix("torch.")
    return f"{config.weight_type} group {config.group_size}, {dtype} activations"


def passed_over(chosen: type, config: MPLinearLayerConfig) -> list[str]:
    """Kernels that come before `chosen` in vLLM's order, each with why it was not taken."""
    reasons = []
    for kernel in upstream._POSSIBLE_KERNELS.get(current_platform._enum, []):
        if kernel is chosen:
            break
        if kernel.__name__ in envs.VLLM_DISABLED_KERNELS:
            reason: str | None = "disabled by VLLM_DISABLED_KERNELS"
        else:
            reason = kernel.can_implement(config)[1]
        reasons.append(f"not {kernel.__name__}: {reason or 'not asked for'}")
    return reasons
