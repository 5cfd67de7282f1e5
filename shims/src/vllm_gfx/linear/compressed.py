"""compressed-tensors checkpoints: upstream's layers, with errors that name what is served."""

from __future__ import annotations

from typing import Any

import torch
from compressed_tensors.quantization import QuantizationArgs
from vllm.model_executor.layers.quantization.compressed_tensors.compressed_tensors import (
    CompressedTensorsConfig,
)
from vllm.model_executor.layers.quantization.compressed_tensors.schemes import (
    CompressedTensorsWNA16,
)

from vllm_gfx.linear import target


class GfxWNA16(CompressedTensorsWNA16):
    """Weight-only integers, in a layer whose name is known when no kernel takes it."""

    def create_weights(self, *args: Any, **kwargs: Any) -> None:
        """Choose the kernel and register the layer's tensors. Raises ValueError."""
        with target.explained(self.layer_name or "a layer"):
            super().create_weights(*args, **kwargs)

    def process_weights_after_loading(self, layer: torch.nn.Module) -> None:
        """Let the kernel repack. Raises ValueError."""
        with target.explained(self.layer_name or "a layer"):
            super().process_weights_after_loading(layer)


class GfxCompressedTensorsConfig(CompressedTensorsConfig):
    """What a compressed-tensors checkpoint's config says."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GfxCompressedTensorsConfig:
        """Raises ValueError for a group the reference target does not serve."""
        if target.is_reference():
            for name, group in config.get("config_groups", {}).items():
                _check(name, group, group.get("format") or config.get("format"))
        made: GfxCompressedTensorsConfig = super().from_config(config)
        return made

    def _get_scheme_from_parts(
        self, weight_quant: QuantizationArgs, *args: Any, **kwargs: Any
    ) -> Any:
        scheme = super()._get_scheme_from_parts(weight_quant, *args, **kwargs)
        if type(scheme) is not CompressedTensorsWNA16:
            return scheme
        return GfxWNA16(
            strategy=scheme.strategy,
            num_bits=scheme.num_bits,
            group_size=weight_quant.group_size,
            symmetric=scheme.symmetric,
            layer_name=scheme.layer_name,
        )


def _check(name: str, group: dict[str, Any], form: str | None) -> None:
    weights = group.get("weights") or {}
    kind = (weights.get("type"), weights.get("num_bits"))
    plain = not group.get("input_activations") and not group.get("output_activations")
    if kind != ("int", 4) or form != "pack-quantized" or not plain:
        activations = "16-bit" if plain else "quantised"
        what = f"{kind[1]}-bit {kind[0]} weights, {activations} activations, format {form!r}"
        raise ValueError(target.unserved(f"compressed-tensors {name} ({what})"))
