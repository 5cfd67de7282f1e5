"""Reads from a loaded model which implementation serves each layer, and puts it into the report.

Upstream's own kernels show up beside ours. A second model in the same process replaces the first.
"""

from __future__ import annotations

from typing import Any

import torch
from vllm.ir.op import IrOp
from vllm.model_executor.custom_op import CustomOp
from vllm.model_executor.layers.attention_layer_base import AttentionLayerBase
from vllm.model_executor.layers.fused_moe.routed_experts import RoutedExperts

from vllm_gfx import linear, report


def collect(model: torch.nn.Module) -> None:
    """Record every layer of `model` that vLLM chose an implementation for, and no other model's."""
    report.forget_layers()
    linear.record_layers(model)
    for name, module in model.named_modules():
        if found := _kind_and_implementation(module):
            report.record(name, *found)
    for op in IrOp.registry.values():
        report.record(f"ir.{op.name}", "op", _providers(op), "in this order of preference")


def _kind_and_implementation(module: torch.nn.Module) -> tuple[str, str] | None:
    if isinstance(module, AttentionLayerBase):
        return "attention", module.get_attn_backend().get_name()
    if isinstance(module, RoutedExperts):
        return "moe", _experts(module)
    if isinstance(module, CustomOp):
        return "op", f"{type(module).__name__}.{module._forward_method.__name__}"
    return None


def _experts(module: Any) -> str:
    kernel = getattr(module.quant_method, "moe_kernel", None)
    served_by = getattr(kernel, "fused_experts", None) or module.quant_method
    return type(served_by).__name__


def _providers(op: Any) -> str:
    return ", ".join(op.get_priority()) or "native"
