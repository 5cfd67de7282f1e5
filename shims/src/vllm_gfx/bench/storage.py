"""What an engine's tensors hold, and how much of it one decode step must move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def runner(engine: Any) -> Any:
    """The model runner of an engine in this process."""
    worker = engine.model_executor.driver_worker
    return getattr(worker, "worker", worker).model_runner


def held(engine: Any) -> dict[str, int]:
    """Bytes of `weights` and of `kv_cache`, each storage once however many tensors share it."""
    model = runner(engine).get_model()
    weights = [*model.parameters(), *model.buffers()]
    return {"weights": distinct(weights), "kv_cache": distinct(_tensors(runner(engine).kv_caches))}


def distinct(tensors: Iterable[Any]) -> int:
    """Bytes of the storages behind `tensors`."""
    sizes = {}
    for tensor in tensors:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
    return sum(sizes.values())


def _tensors(nested: Any) -> list[Any]:
    """KV caches are tensors, or per layer lists of them."""
    if isinstance(nested, list | tuple):
        return [tensor for part in nested for tensor in _tensors(part)]
    return [nested]


def weights_read(model: Any) -> int:
    """Bytes of weights that a decode step of one stream reads.

    Everything once, but of the input embedding one row, which is not counted; of experts the
    chosen ones; of a model that also sees or hears only its language part. Buffers (rotary tables,
    scales of a cache) are not counted.
    """
    total, seen = 0.0, set()
    for module, share in _read(model):
        for parameter in module.parameters(recurse=False):
            storage = parameter.untyped_storage()
            if storage.data_ptr() not in seen:
                seen.add(storage.data_ptr())
                total += storage.nbytes() * share
    return round(total)


def _read(model: Any) -> Iterator[tuple[Any, float]]:
    """The modules that a step reads, and which share of each; heads first."""
    from vllm.model_executor.layers.fused_moe.routed_experts import RoutedExperts
    from vllm.model_executor.layers.vocab_parallel_embedding import (
        ParallelLMHead,
        VocabParallelEmbedding,
    )

    modules = list(model.named_modules(remove_duplicate=False))
    heads = [m for n, m in modules if isinstance(m, ParallelLMHead) or n.endswith("lm_head")]
    yield from ((head, 1.0) for head in heads)
    language = model.get_language_model() if hasattr(model, "get_language_model") else model
    for module in language.modules():
        if isinstance(module, RoutedExperts):
            yield module, module.top_k / module.moe_config.num_experts
        # Without a head of its own, the embedding is also the head.
        elif not (heads and isinstance(module, VocabParallelEmbedding)):
            yield module, 1.0


def cache_moved(engine: Any, context: int) -> int:
    """Bytes of KV cache that a step of one stream reads after `context` tokens.

    Layers with a window read that; the state of a recurrent layer is read and written.
    """
    groups = engine.engine_core.engine_core.scheduler.kv_cache_config.kv_cache_groups
    layers = [(group.kv_cache_spec, name) for group in groups for name in group.layer_names]
    return round(sum(_layer(_spec_of(spec, name), context) for spec, name in layers))


def _spec_of(spec: Any, layer: str) -> Any:
    """Layers of one type but other sizes are one group, with a spec for each."""
    each = getattr(spec, "kv_cache_specs", None)
    return each[layer] if each else spec


def _layer(spec: Any, context: int) -> float:
    from vllm.v1.kv_cache_interface import MambaSpec

    if isinstance(spec, MambaSpec):
        return 2 * spec.page_size_bytes
    tokens = min(context, getattr(spec, "sliding_window", None) or context)
    return tokens * spec.page_size_bytes / spec.block_size
