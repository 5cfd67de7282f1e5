"""Bytes that a token takes in the KV cache, as a model's configuration tells.

A lower bound: what it does not tell counts as nothing.
"""

from __future__ import annotations

from typing import Any

# Bytes an element of a KV cache; layouts that are not listed pack elements in ways of their own.
_KV_BYTES = {
    "float32": 4.0,
    "float16": 2.0,
    "half": 2.0,
    "bfloat16": 2.0,
    "fp8": 1.0,
    "fp8_e4m3": 1.0,
    "fp8_e5m2": 1.0,
    "int8": 1.0,
    "int8_per_token_head": 1.0,
    "fp8_per_token_head": 1.0,
    "int4_per_token_head": 0.5,
}
_FULL = ("full_attention", "attention", "hybrid")  # kinds of layers that keep all tokens


def per_token(vllm_config: Any) -> tuple[float, float]:
    """KV bytes a token on each GPU: of layers that keep all tokens, of layers with a window."""
    model, parallel = vllm_config.model_config, vllm_config.parallel_config
    element = _element(vllm_config)
    given = vllm_config.cache_config.num_gpu_blocks_override is not None
    shared = parallel.decode_context_parallel_size > 1
    if not element or given or shared or model.runner_type != "generate" or model.is_attention_free:
        return 0.0, 0.0
    tensors = 1 if model.use_mla else 2
    sums = {"full": 0.0, "windowed": 0.0}
    for layer, kind in _attention_layers(model, parallel):
        shape = model.model_arch_config[layer]
        heads = model.get_num_kv_heads(parallel, shape)
        sums[kind] += tensors * heads * shape.head_size * element
    return sums["full"], sums["windowed"]


def _element(vllm_config: Any) -> float:
    """Bytes a KV element; 0 where that cannot be told."""
    asked = str(vllm_config.cache_config.cache_dtype)
    if asked != "auto":
        return _KV_BYTES.get(asked, 0.0)
    stated = vllm_config.model_config.model_arch_config.quantization_config or {}
    return 1.0 if stated.get("kv_cache_scheme") else float(vllm_config.model_config.dtype.itemsize)


def _attention_layers(model: Any, parallel: Any) -> list[tuple[int, str]]:
    """Index and kind of this GPU's layers that have a KV cache of their own."""
    start, end = model.get_layers_start_end_indices(parallel)
    end -= getattr(model.hf_text_config, "num_kv_shared_layers", 0) or 0
    windowed = "windowed" if isinstance(model.get_sliding_window(), int) else "full"
    kinds = _kinds(model)
    if kinds is None:
        mixed = model.is_hybrid or model.has_noops  # and does not say which layers are which
        return [] if mixed else [(layer, windowed) for layer in range(start, end)]
    named = dict.fromkeys(_FULL, "full") | {"sliding_attention": windowed}
    return [(layer, named[k]) for layer, k in list(enumerate(kinds))[start:end] if k in named]


def _kinds(model: Any) -> list[str] | None:
    """The kind of each layer, where the model's configuration lists them."""
    config = model.hf_text_config
    return getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None)
