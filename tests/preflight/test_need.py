"""The arithmetic against vLLM's own: real configurations, upstream's KV cache specifications."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from vllm import EngineArgs
from vllm.model_executor.layers.fused_moe import config as moe_config
from vllm.model_executor.layers.fused_moe.config import FusedMoEParallelConfig
from vllm.model_executor.offloader import base, prefetch, uva
from vllm.platforms import current_platform
from vllm.v1.kv_cache_interface import FullAttentionSpec, MLAAttentionSpec, SlidingWindowSpec
from vllm_gfx.preflight import need

from tests.preflight import kv_of_geometries
from tests.preflight.conftest import Checkpoint
from tests.support import tinylm


def configured(model: Path, **more: Any) -> Any:
    """The VllmConfig of an engine; nothing is started."""
    asked = {"model": str(model), "dtype": "float16", "skip_tokenizer_init": True, **more}
    return EngineArgs(**asked).create_engine_config()


def _spec(kind: type, config: Any, **more: Any) -> int:
    """Upstream's bytes for one longest request in one layer."""
    model, parallel = config.model_config, config.parallel_config
    spec = kind(
        block_size=config.cache_config.block_size or 16,
        num_kv_heads=model.get_num_kv_heads(parallel),
        head_size=model.get_head_size(),
        dtype=model.dtype,
        **more,
    )
    return int(spec.max_memory_usage_bytes(config))


@pytest.mark.parametrize("length", [16, 1000, 32768])
def test_full_attention(checkpoint: Checkpoint, length: int) -> None:
    config = configured(checkpoint(), max_model_len=length)
    found = need.of(config)
    assert found.length == length
    assert found.kv(length) == 28 * _spec(FullAttentionSpec, config)


def test_a_known_figure(checkpoint: Checkpoint) -> None:
    """56 KiB a token: 28 layers, 4 heads of 128, K and V, 2 bytes."""
    found = need.of(configured(checkpoint(), max_model_len=32768))
    assert found.kv(32768) == 32768 * 56 * 1024
    assert found.weights == 2 * 7_615_616_512


def test_sliding_windows(checkpoint: Checkpoint) -> None:
    kinds = ["sliding_attention", "full_attention"] * 14
    folder = checkpoint(
        layer_types=kinds, sliding_window=1024, use_sliding_window=True, max_window_layers=0
    )
    config = configured(folder, max_model_len=32768, max_num_batched_tokens=2048)
    windowed = _spec(SlidingWindowSpec, config, sliding_window=1024)
    full = _spec(FullAttentionSpec, config)
    found = need.of(config).kv(32768)
    # A lower bound, and a near one: upstream adds a block to each window.
    assert 0.99 * 14 * (windowed + full) <= found <= 14 * (windowed + full)


@pytest.mark.parametrize(
    ("dtype", "share"), [("fp8", 0.5), ("fp8_e5m2", 0.5), ("turboquant_4bit_nc", 0.0)]
)
def test_kv_dtypes(checkpoint: Checkpoint, dtype: str, share: float) -> None:
    config = configured(checkpoint(), max_model_len=1024)
    whole = need.of(config).kv(1024)
    config.cache_config.cache_dtype = dtype
    assert need.of(config).kv(1024) == share * whole


def test_tensor_parallel_halves(checkpoint: Checkpoint) -> None:
    config = configured(checkpoint(), max_model_len=1024)
    one = need.of(config)
    config.parallel_config.tensor_parallel_size = 2
    two = need.of(config)
    assert (two.weights, two.kv(1024)) == (one.weights // 2, one.kv(1024) // 2)


def test_offloaded_weights_need_no_gpu(checkpoint: Checkpoint) -> None:
    config = configured(checkpoint(), max_model_len=1024)
    whole = need.of(config)
    config.offload_config.uva.cpu_offload_gb = 4
    assert need.of(config).weights == whole.weights - 4 * 2**30


def _parallel(config: Any, **sizes: int) -> int:
    for name, size in sizes.items():
        setattr(config.parallel_config, f"{name}_parallel_size", size)
    return need.of(config).weights


def test_experts_lie_over_all_engines(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vLLM divides experts by all of these, with expert parallelism or without."""
    config = configured(checkpoint(), max_model_len=1024)
    one = need.of(config).weights
    sizes = {"tensor": 2, "data": 3, "pipeline": 2, "prefill_context": 5}
    assert _parallel(config, **sizes) == one // 4  # other weights are each engine's own
    flattened = FusedMoEParallelConfig.flatten_tp_across_dp_and_pcp
    monkeypatch.setattr(moe_config, "get_tensor_model_parallel_rank", lambda: 0)
    theirs, _ = flattened(tp_size=2, dp_size=3, dp_rank=0, pcp_size=5, pcp_rank=0)
    monkeypatch.setattr(type(config.model_config), "get_num_experts", lambda _: 8)
    assert need.of(config).weights == one // (theirs * 2)


@pytest.mark.parametrize(("backend", "share"), [("auto", 0), ("prefetch", 0), ("uva", 1)])
def test_prefetched_layers_cannot_be_told(
    checkpoint: Checkpoint, backend: str, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefetch, "PrefetchOffloader", lambda **_: 0)  # the real one needs a GPU
    monkeypatch.setattr(uva, "UVAOffloader", lambda **_: 1)
    asked = {"offload_backend": backend, "offload_group_size": 4, "offload_num_in_group": 3}
    whole = need.of(configured(checkpoint())).weights
    config = configured(checkpoint(), **asked)
    assert base.create_offloader(config.offload_config) == share  # vLLM's own choice
    assert need.of(config).weights == share * whole


@pytest.mark.parametrize("asked", ["fp8", "fp8_per_tensor", "int8_per_channel_weight_only"])
def test_weights_quantised_while_they_load_cannot_be_told(
    checkpoint: Checkpoint, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = need.of(configured(checkpoint()))
    monkeypatch.setattr(type(current_platform), "verify_quantization", lambda *_: None)
    assert whole.weights and whole.in_4bit
    found = need.of(configured(checkpoint(), quantization=asked))
    assert (found.weights, found.in_4bit) == (0, 0)
    assert found.kv(1024) == whole.kv(1024)


def test_a_quantisation_that_the_checkpoint_states_is_counted() -> None:
    for asked in ({}, {"quantization": "awq"}):
        assert need.of(configured(tinylm.copy("awq-g128"), max_model_len=256, **asked)).weights


def test_what_cannot_be_told_counts_as_nothing(checkpoint: Checkpoint) -> None:
    config = configured(checkpoint(), max_model_len=1024, load_format="dummy")
    assert need.of(config).weights == 0
    config.cache_config.num_gpu_blocks_override = 7
    assert need.of(config).kv(1024) == 0


def test_a_hybrid_that_does_not_say_which_layers_are_which(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(checkpoint(), max_model_len=1024)
    whole = need.of(config).kv(1024)
    monkeypatch.setattr(type(config.model_config), "is_hybrid", True)
    monkeypatch.setattr(config.model_config.hf_text_config, "layer_types", None, raising=False)
    assert need.of(config).kv(1024) == 0
    kinds = ["mamba", "attention"] * 14
    monkeypatch.setattr(
        config.model_config.hf_text_config, "layers_block_type", kinds, raising=False
    )
    assert need.of(config).kv(1024) == whole / 2


def test_a_length_that_vllm_chooses(checkpoint: Checkpoint) -> None:
    config = configured(checkpoint(), max_model_len=4096)
    config.model_config.original_max_model_len = -1
    found = need.of(config)
    assert found.length == 1 and found.total() < need.of(configured(checkpoint())).total()


def test_mla_keeps_one_tensor(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(checkpoint(), max_model_len=1024)
    monkeypatch.setattr(type(config.model_config), "use_mla", True)
    one = _spec(MLAAttentionSpec, config)
    assert need.of(config).kv(1024) == 28 * one


@pytest.fixture(scope="module")
def of_geometries() -> dict[str, tuple[int, int]]:
    return kv_of_geometries.asked([*EXACT, *BELOW])


# Recurrent layers between those with attention; experts; heads that differ from layer to layer.
EXACT = ("qwen3.5-9b-w4", "ernie-4.5-21b-a3b-w4")
BELOW = ("gemma-4-26b-a4b-w4",)


@pytest.mark.parametrize("name", EXACT)
def test_layers_that_vllm_builds(of_geometries: dict[str, tuple[int, int]], name: str) -> None:
    theirs, ours = of_geometries[name]
    assert ours == theirs > 0


@pytest.mark.parametrize("name", BELOW)
def test_never_more_than_vllm_takes(of_geometries: dict[str, tuple[int, int]], name: str) -> None:
    theirs, ours = of_geometries[name]
    assert theirs / 2 < ours <= theirs


def test_the_real_engine_takes_no_less() -> None:
    """The tiny model's own configuration: weights, and the KV cache that its engine needs."""
    config = configured(tinylm.copy(tinylm.ORIGINAL), dtype="float32", max_model_len=256)
    found = need.of(config)
    layers = config.model_config.get_total_num_hidden_layers()
    assert found.kv(256) == layers * _spec(FullAttentionSpec, config)
    assert found.weights > 0 and found.work > 0
    assert config.model_config.dtype == torch.float32
