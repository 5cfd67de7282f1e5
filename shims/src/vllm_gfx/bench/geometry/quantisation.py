"""`quantization_config` of 4-bit checkpoints, as the tools that make them write it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

BITS = 4
OUTPUT = "lm_head"  # left in 16 bits by all of these tools


def _gptq(group_size: int, dense: Sequence[str]) -> dict[str, Any]:
    """AutoGPTQ and GPTQModel, symmetric; `dynamic` is how the latter leaves layers out."""
    return {
        "quant_method": "gptq",
        "bits": BITS,
        "group_size": group_size,
        "sym": True,
        "desc_act": False,
        "lm_head": False,
        "true_sequential": True,
        "checkpoint_format": "gptq",
        "dynamic": {f"-:.*{name}": {} for name in dense},
    }


def _awq(group_size: int, dense: Sequence[str]) -> dict[str, Any]:
    """AutoAWQ's `gemm` version, with zero points."""
    return {
        "quant_method": "awq",
        "version": "gemm",
        "bits": BITS,
        "group_size": group_size,
        "zero_point": True,
        "modules_to_not_convert": [OUTPUT, *dense],
    }


def _compressed_tensors(group_size: int, dense: Sequence[str]) -> dict[str, Any]:
    """llm-compressor's W4A16: `pack-quantized`, symmetric."""
    weights = {
        "num_bits": BITS,
        "type": "int",
        "symmetric": True,
        "strategy": "group",
        "group_size": group_size,
        "dynamic": False,
        "actorder": None,
    }
    return {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "quantization_status": "compressed",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
        "ignore": [OUTPUT, *(f"re:.*{name}$" for name in dense)],
    }


FORMATS: dict[str, Callable[[int, Sequence[str]], dict[str, Any]]] = {
    "gptq": _gptq,
    "awq": _awq,
    "compressed-tensors": _compressed_tensors,
}
