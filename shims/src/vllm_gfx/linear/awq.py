"""AWQ checkpoints through the linear-kernel choice; upstream bypasses it off CUDA, CPU and XPU."""

from __future__ import annotations

from typing import Any

import torch
from vllm.model_executor.layers.fused_moe import RoutedExperts
from vllm.model_executor.layers.linear import register_weight_loader_v2_supported_method
from vllm.model_executor.layers.quantization.auto_awq import (
    AutoAWQConfig,
    AutoAWQLinearMethod,
    AutoAWQMarlinLinearMethod,
)

from vllm_gfx.linear import choice, target


class GfxAWQConfig(AutoAWQConfig):
    """What an AWQ checkpoint's config says."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GfxAWQConfig:
        """Raises ValueError for a checkpoint whose weights no kernel here could read."""
        _check(config)
        made: GfxAWQConfig = super().from_config(config)
        return made

    @classmethod
    def get_supported_act_dtypes(cls) -> list[torch.dtype]:
        return target.activation_dtypes(super().get_supported_act_dtypes())

    def get_quant_method(self, layer: torch.nn.Module, prefix: str) -> Any:
        """The method of a layer, or None where it is not quantised. Raises ValueError."""
        if isinstance(layer, RoutedExperts) and target.is_reference():
            raise ValueError(target.unserved(f"{prefix} (AWQ experts)"))
        method = super().get_quant_method(layer, prefix)
        if isinstance(method, AutoAWQLinearMethod):
            return GfxAWQLinearMethod(self, prefix)
        return method


def _check(config: dict[str, Any]) -> None:
    bits = config.get("w_bit", config.get("bits"))
    size = config.get("q_group_size", config.get("group_size"))
    version = str(config.get("version") or "gemm").lower()
    points = config.get("zero_point")
    what = f"AWQ with bits={bits}, version={version!r}, zero_point={points}, group_size={size}"
    if bits not in AutoAWQConfig.TYPE_MAP or version != "gemm" or points is False:
        raise ValueError(target.unserved(what))
    if isinstance(size, int):  # where it is absent, upstream says which key it looks for
        choice.verify(what, AutoAWQConfig.TYPE_MAP[bits], size, True)


@register_weight_loader_v2_supported_method
class GfxAWQLinearMethod(AutoAWQMarlinLinearMethod):
    """One AWQ layer; upstream's class turns AWQ's bit order into the one kernels take."""

    def __init__(self, quant_config: GfxAWQConfig, layer_name: str = "") -> None:
        # Past AutoAWQMarlinLinearMethod.__init__, which demands a Marlin kernel.
        self.quant_config = quant_config
        self.quant_type = quant_config.quant_type
        self.input_dtype = None
        self.layer_name = layer_name

    def create_weights(self, *args: Any, **kwargs: Any) -> None:
        """Choose the kernel and register qweight, qzeros and scales. Raises ValueError."""
        with target.explained(self.layer_name):
            super().create_weights(*args, **kwargs)

    def process_weights_after_loading(self, layer: torch.nn.Module) -> None:
        """Convert to GPTQ's order, then let the kernel repack. Raises ValueError."""
        with target.explained(self.layer_name):
            super().process_weights_after_loading(layer)
