"""GPTQ checkpoints as they are: symmetric or not, v1 or v2 zero points, with or without desc_act.

Upstream 0.32.0 demands Marlin's shapes and refuses asymmetric weights and activation order.
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import torch
from vllm.model_executor.kernels.linear import MPLinearLayerConfig, choose_mp_linear_kernel
from vllm.model_executor.layers.fused_moe import RoutedExperts
from vllm.model_executor.layers.linear import register_weight_loader_v2_supported_method
from vllm.model_executor.layers.quantization.auto_gptq import AutoGPTQConfig, AutoGPTQLinearMethod
from vllm.model_executor.layers.quantization.utils.gptq_utils import get_linear_quant_method
from vllm.model_executor.models.utils import WeightsMapper
from vllm.scalar_type import scalar_types

from vllm_gfx.linear import choice, gptq_weights, target

_CHECKPOINT_FORMATS = ("", "gptq", "gptq_v2")


class GfxGPTQConfig(AutoGPTQConfig):
    """What a GPTQ checkpoint's config says; `zeros_minus_one` is the v1 zero-point convention."""

    TYPE_MAP: ClassVar[dict[tuple[int, bool], Any]] = {
        **AutoGPTQConfig.TYPE_MAP,
        (4, False): scalar_types.uint4,
    }
    # Layers without activation order have no place for the g_idx that checkpoints still carry.
    _ignore_unexpected_suffixes = (*AutoGPTQConfig._ignore_unexpected_suffixes, ".g_idx")

    def __init__(
        self,
        weight_bits: int,
        group_size: int,
        desc_act: bool,
        is_sym: bool,
        lm_head_quantized: bool,
        dynamic: dict[str, dict[str, int | bool]],
        full_config: dict[str, Any],
        modules_in_block_to_quantize: list[str] | None = None,
    ) -> None:
        _check(weight_bits, is_sym, group_size, full_config)
        super().__init__(
            weight_bits,
            group_size,
            False,  # upstream refuses True; ours is set below
            is_sym,
            lm_head_quantized,
            {},
            full_config,
            modules_in_block_to_quantize,
        )
        self.dynamic = dynamic
        self.desc_act = desc_act and group_size != -1
        self.zeros_minus_one = full_config.get("checkpoint_format") != "gptq_v2"

    @classmethod
    def get_supported_act_dtypes(cls) -> list[torch.dtype]:
        return target.activation_dtypes(super().get_supported_act_dtypes())

    def get_checkpoint_weight_mapper(self) -> WeightsMapper:
        """Keep g_idx, which upstream drops, wherever a layer may need it."""
        return WeightsMapper() if self._any_order() else super().get_checkpoint_weight_mapper()

    def get_quant_method(self, layer: torch.nn.Module, prefix: str) -> Any:
        """The method of a layer, or None where it is not quantised. Raises ValueError."""
        if isinstance(layer, RoutedExperts):
            self._check_experts(prefix)
            return super().get_quant_method(layer, prefix)
        method = partial(GfxGPTQLinearMethod, layer_name=prefix)
        with target.explained(prefix):
            return get_linear_quant_method(self, layer, prefix, method)

    def _any_order(self) -> bool:
        rules = (rule for rule in self.dynamic.values() if isinstance(rule, dict))
        return self.desc_act or any(rule.get("desc_act") for rule in rules)

    def _check_experts(self, prefix: str) -> None:
        if target.is_reference() or not self.is_sym or self._any_order():
            kind = f"GPTQ experts, sym={self.is_sym}, desc_act={self.desc_act}"
            raise ValueError(target.unserved(f"{prefix} ({kind})"))


def _check(bits: int, is_sym: bool, group_size: int, config: dict[str, Any]) -> None:
    """Raise ValueError for a checkpoint whose weights no kernel here could read."""
    what = f"GPTQ with bits={bits}, sym={is_sym}, group_size={group_size}"
    if (checkpoint := config.get("checkpoint_format") or "") not in _CHECKPOINT_FORMATS:
        raise ValueError(target.unserved(f"{what}, checkpoint_format={checkpoint!r}"))
    if (weight_type := GfxGPTQConfig.TYPE_MAP.get((bits, is_sym))) is None:
        raise ValueError(target.unserved(what))
    choice.verify(what, weight_type, group_size, not is_sym)


@register_weight_loader_v2_supported_method
class GfxGPTQLinearMethod(AutoGPTQLinearMethod):
    """One GPTQ layer: its tensors in checkpoint form, then in the form its kernel takes."""

    def __init__(self, quant_config: GfxGPTQConfig, layer_name: str = "") -> None:
        # Past AutoGPTQLinearMethod.__init__, which demands a Marlin kernel.
        self.quant_config = quant_config
        self.quant_type = quant_config.quant_type
        self.layer_name = layer_name

    def create_weights(
        self,
        layer: torch.nn.Module,
        input_size_per_partition: int,
        output_partition_sizes: list[int],
        input_size: int,
        output_size: int,
        params_dtype: torch.dtype,
        **extra_weight_attrs: Any,
    ) -> None:
        """Choose the kernel and register qweight, qzeros, scales and, with desc_act, g_idx."""
        quant = self.quant_config
        config = MPLinearLayerConfig(
            full_weight_shape=(input_size, output_size),
            partition_weight_shape=(input_size_per_partition, sum(output_partition_sizes)),
            weight_type=self.quant_type,
            act_type=params_dtype,
            group_size=quant.group_size,
            zero_points=not quant.is_sym,
        )
        with target.explained(self.layer_name):
            kernel = choose_mp_linear_kernel(config)
            gptq_weights.create(layer, config, quant.desc_act, extra_weight_attrs["weight_loader"])
        self.kernel = kernel(config, "qweight", "scales", None if quant.is_sym else "qzeros")

    def process_weights_after_loading(self, layer: torch.nn.Module) -> None:
        """Undo what only GPTQ does, then let the kernel repack. Raises ValueError."""
        if self.quant_config.is_sym:
            # A kernel that finds the constant zero points of a symmetric layer may apply them.
            layer.register_parameter("qzeros", None)
        elif self.quant_config.zeros_minus_one:
            gptq_weights.add_one(layer.qzeros)
        with target.explained(self.layer_name):
            if self.quant_config.desc_act:
                gptq_weights.sort_by_group(layer, self.quant_config.group_size)
            self.kernel.process_weights_after_loading(layer)

    def apply(
        self, layer: torch.nn.Module, x: torch.Tensor, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Run the kernel; one that knows no activation order gets `x` already in order."""
        order = getattr(layer, "input_order", None)
        if order is not None and not getattr(self.kernel, "takes_order", False):
            x = x.index_select(-1, order)
        return self.kernel.apply_weights(layer, x, bias)
