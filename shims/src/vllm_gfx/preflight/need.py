"""How much GPU memory a model needs at least: a lower bound, so that nothing that fits is refused.

Counted are the weights, the KV cache of one longest request (vLLM starts with no less), and the
largest intermediate tensors of one step. Not counted: graphs, the runtime's own memory, the states
of recurrent layers, images. What cannot be told from the configuration counts as nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from vllm_gfx.preflight import files, hub, kv, weights

_BLOCK = 16  # tokens, where the configuration does not say yet


@dataclass(frozen=True)
class Need:
    """Bytes on each GPU. `full`, `windowed`: KV bytes a token in all layers of that kind."""

    weights: int
    in_4bit: int  # what the weights of a 4-bit copy take; 0 if there is nothing to gain
    work: int
    full: float
    windowed: float
    window: int  # tokens
    block: int
    length: int  # of the longest request, tokens

    def kv(self, length: int) -> int:
        """KV cache bytes of one request of `length` tokens."""
        kept = min(length, self.window) if self.window else length
        return int(self._blocks(length) * self.full + self._blocks(kept) * self.windowed)

    def _blocks(self, tokens: int) -> int:
        """Tokens, rounded up to whole blocks."""
        return -(-tokens // self.block) * self.block

    def total(self, length: int | None = None) -> int:
        """All of it with a longest request of `length` tokens, else of the one asked for."""
        return self.weights + self.work + self.kv(self.length if length is None else length)

    def as_4bit(self) -> Need:
        """The need of a 4-bit copy of the model."""
        return replace(self, weights=self.in_4bit, in_4bit=0)


def of(vllm_config: Any) -> Need:
    """The need of the model that a VllmConfig describes."""
    model, parallel = vllm_config.model_config, vllm_config.parallel_config
    gpus = _shards(model, parallel)
    held = _weights(vllm_config) or weights.Weights(0, 0)
    spared = int(vllm_config.offload_config.uva.cpu_offload_gb * 2**30)
    full, windowed = kv.per_token(vllm_config)
    batch = vllm_config.scheduler_config.max_num_batched_tokens
    automatic = getattr(model, "original_max_model_len", None) == -1  # vLLM takes what fits
    return Need(
        weights=max(0, held.loaded // gpus - spared),
        in_4bit=max(0, held.in_4bit // gpus - spared),
        work=_work(vllm_config),
        full=full,
        windowed=windowed,
        window=(model.get_sliding_window() or 0) + batch if windowed else 0,
        block=vllm_config.cache_config.block_size or _BLOCK,
        length=1 if automatic else model.max_model_len,
    )


def _shards(model: Any, parallel: Any) -> int:
    """GPUs that share the weights. Experts, which are most of theirs, lie over all engines of data
    parallelism as well; what else such a model has does not, and counts too little here.
    """
    gpus = int(parallel.tensor_parallel_size * parallel.pipeline_parallel_size)
    if not model.get_num_experts():
        return gpus
    return gpus * int(parallel.data_parallel_size * parallel.prefill_context_parallel_size)


def _changed(vllm_config: Any) -> bool:
    """Whether other weights stay on the GPU than the files hold."""
    model, offload = vllm_config.model_config, vllm_config.offload_config
    moved = offload.prefetch.offload_group_size > 0 and offload.offload_backend != "uva"
    stated = model.model_arch_config.quantization_config is not None
    quantised = model.quantization_config is not None or (model.quantization and not stated)
    return moved or bool(quantised)


def _weights(vllm_config: Any) -> weights.Weights | None:
    """None for a model that is changed, or not in safetensors files, or of unknown size."""
    model, load = vllm_config.model_config, vllm_config.load_config
    if _changed(vllm_config) or str(load.load_format) not in files.FORMATS:
        return None
    if (held := _held(model, load)) is None:
        return None
    tied = bool(getattr(model.hf_text_config, "tie_word_embeddings", False))
    return weights.of(held, model.dtype.itemsize, model.get_total_num_hidden_layers(), tied)


def _held(model: Any, load: Any) -> list[files.Tensor] | None:
    """The tensors of the model's files: on this disk, else at the hub."""
    if (folder := hub.on_disk(model, load)) is None:
        return hub.tensors(model, load)
    here = files.Folder(folder)
    found = files.tensors(here, str(load.load_format))
    if found is not None or files.are_others(here.names()):
        return found
    return hub.tensors(model, load)


def _work(vllm_config: Any) -> int:
    """Bytes of the largest tensors that are alive at once: of an MLP, or of the logits."""
    model, scheduler = vllm_config.model_config, vllm_config.scheduler_config
    config, element = model.hf_text_config, model.dtype.itemsize
    tokens = scheduler.max_num_batched_tokens
    width = getattr(config, "intermediate_size", 0)
    dense = isinstance(width, int) and not model.get_num_experts()
    inner = 3 * width // vllm_config.parallel_config.tensor_parallel_size if dense else 0
    layer = tokens * (2 * model.get_hidden_size() + inner) * element
    logits = min(scheduler.max_num_seqs, tokens) * model.get_vocab_size() * (element + 4)
    return int(max(layer, logits))
