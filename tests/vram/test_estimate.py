"""Which share of a GPU an engine plans with on Windows: against what others measured, and vLLM."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vllm.config import CacheConfig
from vllm_gfx import envs, preflight
from vllm_gfx.bench import geometry
from vllm_gfx.preflight import need, room
from vllm_gfx.preflight.room import Card
from vllm_gfx.refusal import Refusal
from vllm_gfx.vram import counters, estimate, missed

from tests.engine import building
from tests.preflight.conftest import Checkpoint
from tests.preflight.test_need import configured
from tests.vram.test_session import Logger

GIB = 2**30
CARD = Card("Radeon RX 7900 XT", 20 * GIB)
DEFAULT = CacheConfig.gpu_memory_utilization
HYBRID, DENSE = "qwen3.5-9b-w4", "qwen2.5-7b-gptq-int4"
Make = Callable[..., Any]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The VllmConfig of a published model."""

    @cache
    def folder(name: str) -> Path:
        building._inspect_here(geometry.get(name).config["architectures"][0])
        return geometry.write(name, tmp_path_factory.mktemp(name))

    def _make(name: str, tokens: int = 8192, requests: int = 256, **more: Any) -> Any:
        return configured(
            folder(name),
            dtype="bfloat16",
            load_format="dummy",
            max_model_len=8192,
            max_num_batched_tokens=tokens,
            max_num_seqs=requests,
            **more,
        )

    return _make


class Once(Logger):
    """vLLM's logger has these, too."""

    info_once = warning_once = Logger.warning


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """As on Windows."""
    logger = Once()
    monkeypatch.setattr(estimate, "logger", logger)
    monkeypatch.setattr(counters, "spills", lambda: True)
    return logger.lines


def test_between_what_spilled_and_what_did_not(make: Make) -> None:
    """At 0.9 of 20 GiB this model spilled 2.7 GiB, so 0.765 is the most; at 0.7 nothing."""
    assert 0.7 <= estimate.share(make(HYBRID), CARD) <= (0.9 * 20 - 2.7) / 20


def test_a_dense_model_gets_what_dense_models_had(make: Make) -> None:
    assert 0.87 <= estimate.share(make(DENSE), CARD) <= 0.9


def test_fewer_tokens_and_requests_miss_less(make: Make) -> None:
    shares = [estimate.share(make(HYBRID, *step), CARD) for step in ((8192, 256), (2048, 8))]
    assert shares[0] + 0.05 < shares[1]
    assert estimate.share(make(HYBRID), Card("smaller", 12 * GIB)) < shares[0]


def test_the_state_is_the_one_that_vllm_allocates(make: Make) -> None:
    config = make(HYBRID)
    model = config.model_config
    layers, _ = model.registry.resolve_model_cls(model.architectures, model)
    shape, dtype = (
        getattr(layers, f"get_mamba_state_{what}_from_config")(config)[-1]
        for what in ("shape", "dtype")
    )
    assert missed._shape(model.hf_text_config) == shape
    assert dtype.itemsize == missed.STATE


def test_the_sum_of_a_hybrid_by_hand(make: Make) -> None:
    """32 heads of 128 x 128: 2 MiB a state in float32, 1 MiB in bfloat16."""
    states, chunks = 2 * 256 * 2 * 2**20, (128 + 256) * 2**20
    tokens = 8192 * 2 * 32 * 128 * (2 * 3 + 4)
    products = 8192 * 32 * 64 * (4 + 2)
    assert missed.recurrent(make(HYBRID)) == states + chunks + tokens + products
    assert missed.recurrent(make(DENSE)) == 0


def test_logits_of_a_prompt(make: Make) -> None:
    """1024 rows of bfloat16, of which the profiling run made 8; and 8 rows for top-k and top-p."""
    row = make(HYBRID).model_config.get_vocab_size()
    expected = 1024 * row * 2 - 8 * row * (2 + 4) + 8 * row * 4
    assert missed.logits(make(HYBRID, requests=8)) == expected


@pytest.mark.parametrize(
    ("fields", "shape"),
    [
        ({"mamba_num_heads": 128, "mamba_head_dim": 64, "ssm_state_size": 128}, (128, 64, 128)),
        ({"mamba_n_heads": 128, "mamba_d_head": 64, "mamba_d_state": 256}, (128, 64, 256)),
        ({"intermediate_size": 8192, "state_size": 16}, (1, 8192, 16)),
    ],
)
def test_states_by_other_names(fields: dict[str, int], shape: tuple[int, int, int]) -> None:
    assert missed._shape(SimpleNamespace(**fields)) == shape


def _model(**more: Any) -> Any:
    """As much of a VllmConfig as the terms ask for."""
    model = {
        "is_hybrid": False,
        "is_attention_free": False,
        "runner_type": "pooling",
        "multimodal_config": None,
        "dtype": SimpleNamespace(itemsize=2),
        "hf_text_config": SimpleNamespace(),
        "hf_config": SimpleNamespace(),
        "get_hidden_size": lambda: 4096,
        **more,
    }
    scheduler = {
        "max_num_batched_tokens": 8192,
        "max_num_seqs": 16,
        "max_num_encoder_input_tokens": 4096,
    }
    return SimpleNamespace(
        model_config=SimpleNamespace(**model), scheduler_config=SimpleNamespace(**scheduler)
    )


def test_a_hybrid_that_does_not_tell_gets_what_hybrids_had() -> None:
    assert estimate.share(_model(is_hybrid=True), CARD) <= 0.7
    assert estimate.share(_model(), CARD) == estimate.DENSE


def _with_images(skipped: bool = True, limit: int = 1, **vision: int) -> Any:
    settings = SimpleNamespace(skip_mm_profiling=skipped, get_limit_per_prompt=lambda kind: limit)
    return _model(
        multimodal_config=settings,
        hf_config=SimpleNamespace(vision_config=SimpleNamespace(**vision)),
    )


def test_images_count_where_the_profiling_run_skips_them() -> None:
    vision = {"hidden_size": 1152, "intermediate_size": 4304, "spatial_merge_size": 2}
    patches = 4096 * 4
    expected = (patches * (5 * 1152 + 2 * 4304) + 4096 * 4096) * 2
    assert missed.images(_with_images(**vision)) == expected
    assert missed.images(_with_images(skipped=False, **vision)) == 0
    assert missed.images(_with_images(limit=0, **vision)) == 0
    assert missed.found(_with_images(), 20 * GIB) == {"images": int(missed.UNKNOWN * 20 * GIB)}


def test_a_choice_of_vllm_is_lowered_and_said(make: Make, said: list[str]) -> None:
    config = make(HYBRID)
    estimate.cap(config, [CARD])
    capped = config.cache_config.gpu_memory_utilization
    assert capped == estimate.share(config, CARD) < DEFAULT
    (line,) = said
    assert line.startswith(f"gpu_memory_utilization is {capped:g} instead of {DEFAULT:g}")
    assert "recurrent layers 3.1 GiB, logits 0.4 GiB" in line
    estimate.cap(config, [CARD])
    assert len(said) == 1, "a copy of the configuration"


def test_what_other_programs_hold_is_not_planned_with(make: Make, said: list[str]) -> None:
    config = make(DENSE)
    estimate.cap(config, [Card("crowded", 20 * GIB, free=13 * GIB)])
    assert config.cache_config.gpu_memory_utilization == 0.65
    assert "13.0 GiB of it are free" in said[0]


def test_never_below_what_the_model_needs(
    checkpoint: Checkpoint, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Less would be clean, and no engine."""
    monkeypatch.setattr(missed, "TERMS", {"much": lambda config: 5 * GIB})
    config = configured(checkpoint(), max_model_len=16384)
    estimate.cap(config, [CARD])
    share = config.cache_config.gpu_memory_utilization
    assert estimate.share(config, CARD) < share < DEFAULT
    assert room.refusal(need.of(config), CARD, share) is None
    assert room.refusal(need.of(config), CARD, share - 0.01) is not None


def test_a_share_that_was_given_is_only_remarked_on(make: Make, said: list[str]) -> None:
    config = make(HYBRID, gpu_memory_utilization=0.85)
    estimate.cap(config, [CARD])
    assert config.cache_config.gpu_memory_utilization == 0.85
    assert said[0].startswith("--gpu-memory-utilization 0.85 may spill, 0.72 would not: ")


def test_a_share_that_was_given_is_refused_if_asked(
    make: Make, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(envs.ON_SPILL, envs.REFUSE)
    config = make(HYBRID, gpu_memory_utilization=0.85)
    with pytest.raises(Refusal, match=r"0\.85 may spill: .*; give 0\.72, or unset VLLM_GFX_ON_S"):
        estimate.cap(config, [CARD])
    config = make(HYBRID)
    estimate.cap(config, [CARD])
    assert config.cache_config.gpu_memory_utilization == 0.72, "lowered like any other"


@pytest.mark.parametrize("asked", [0.5, 0.72])
def test_a_share_that_fits_is_passed_in_silence(make: Make, said: list[str], asked: float) -> None:
    config = make(HYBRID, gpu_memory_utilization=asked)
    estimate.cap(config, [CARD])
    assert config.cache_config.gpu_memory_utilization == asked and not said


def test_what_is_left_alone(make: Make, said: list[str]) -> None:
    outright = make(HYBRID, kv_cache_memory_bytes=GIB)
    shared = make(HYBRID)
    estimate.cap(outright, [CARD])
    estimate.cap(shared, [Card("Radeon 8060S", 96 * GIB, integrated=True)])
    estimate.cap(shared, [])
    for config in (outright, shared):
        assert config.cache_config.gpu_memory_utilization == DEFAULT
    assert not said


def test_on_linux_nothing_is_capped(
    make: Make, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert not counters.spills()
    config = make(HYBRID)
    estimate.cap(config, [CARD])
    assert config.cache_config.gpu_memory_utilization == DEFAULT


def test_a_platform_asks_before_it_looks_for_room(
    make: Make, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make(HYBRID)
    monkeypatch.setattr(preflight, "_refuse_gpus", lambda count: None)
    monkeypatch.setattr("vllm_gfx.preflight.room.cards", lambda torch, count: [CARD])
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda: 0)
    preflight.check(config)
    assert config.cache_config.gpu_memory_utilization == 0.72
