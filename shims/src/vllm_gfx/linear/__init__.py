"""Linear layers: every 4-bit checkpoint format through one choice of kernel, on our platforms only.

GPTQ, AWQ and compressed-tensors checkpoints are described to vLLM's `choose_mp_linear_kernel`, and
the kernel it picks gets weights in one form. What was picked, and why, is in `vllm_gfx.report`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from vllm_gfx.linear.target import FORMATS as FORMATS


def register() -> None:
    """Offer our kernel and checkpoint formats to vLLM, once; nothing on a platform not ours."""
    from vllm_gfx.linear import target

    if not target.platform_is_ours():
        return
    from vllm_gfx.linear import registration

    registration.register()


def verify_quantization(method: str) -> None:
    """For `Platform.verify_quantization`: raise ValueError if this target has no such layers."""
    from vllm_gfx.linear import target

    target.verify_quantization(method)


def record_layers(model: nn.Module) -> None:
    """Put the implementation of each linear layer of a loaded `model` into the report."""
    from vllm_gfx.linear import layers

    layers.record(model)
