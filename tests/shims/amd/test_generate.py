"""Every gfx target, simulated: dense, GPTQ, AWQ, mixture of experts, fp8 KV cache.

Tokens must be transformers' own; the report must name what the target is meant to use.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gfx_kernels import targets

from tests.shims.amd import models, simulate

# Short, for the interpreter; the longer one crosses a KV block (16 tokens).
PROMPTS = [[5, 6, 7, 8, 9, 10, 11], list(range(40, 59))]
TOKENS = 3
# Largest difference of a log-probability from transformers with keys and values rounded to fp8.
FP8_KV_TOLERANCE = 2e-3
# How the target table's fp8 column is stored; targets without fp8 instructions keep upstream's.
FP8 = {"fnuz": torch.float8_e4m3fnuz}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, models.Model]:
    made = {}
    for make in (models.llama, models.mixtral, models.gptq, models.awq):
        made[make.__name__] = make(Path(tmp_path_factory.mktemp(make.__name__)))
    return made


SCENARIOS = {
    "dense": ("llama", {"dtype": "float32"}),
    "moe": ("mixtral", {"dtype": "float32"}),
    "gptq": ("gptq", {"dtype": "float16"}),
    "awq": ("awq", {"dtype": "float16"}),
    "fp8-kv": ("llama", {"dtype": "float32", "kv_cache_dtype": "fp8"}),
}


@pytest.fixture(scope="session", params=simulate.GFX)
def card(request: pytest.FixtureRequest, built: dict[str, models.Model]) -> dict[str, object]:
    runs = [
        simulate.Run(str(built[model].checkpoint), PROMPTS, TOKENS, llm, {"logprobs": 5})
        for model, llm in SCENARIOS.values()
    ]
    # The first run also samples: among one candidate there is nothing to choose.
    runs[0].prompts = [*PROMPTS, PROMPTS[0]]
    runs[0].params = [{}, {}, {"temperature": 0.7, "top_k": 1, "top_p": 0.9, "seed": 1}]
    return dict(zip(SCENARIOS, simulate.run(request.param, runs), strict=True))


def _result(card: dict[str, object], scenario: str) -> simulate.Result:
    result = card[scenario]
    assert isinstance(result, simulate.Result)
    assert not result.error, result.error
    return result


_expected: dict[str, list[list[int]]] = {}


def _greedy(model: models.Model) -> list[list[int]]:
    key = str(model.weights)
    if key not in _expected:
        _expected[key] = model.greedy(PROMPTS, TOKENS)
    return _expected[key]


@pytest.mark.parametrize("scenario", ["dense", "moe", "gptq", "awq"])
def test_tokens_are_transformers_own(
    card: dict[str, object], built: dict[str, models.Model], scenario: str
) -> None:
    result = _result(card, scenario)
    assert result.tokens[: len(PROMPTS)] == _greedy(built[SCENARIOS[scenario][0]])
    assert result.served("attention") == {"TRITON_ATTN"}


def test_sampling_among_one_candidate_is_greedy(card: dict[str, object]) -> None:
    result = _result(card, "dense")
    assert result.tokens[len(PROMPTS)] == result.tokens[0]


def test_layers_run_on_our_ops(card: dict[str, object]) -> None:
    ops = "rms_norm fused_add_rms_norm rotary_embedding silu_and_mul reshape_and_cache_flash"
    assert {f"gfx::{op}" for op in ops.split()} <= _result(card, "dense").served("op")


@pytest.mark.parametrize("scenario", ["gptq", "awq"])
def test_one_kernel_serves_quantised_layers(card: dict[str, object], scenario: str) -> None:
    rows = [r for r in _result(card, scenario).report if r["layer"].endswith("_proj")]
    assert {r["implementation"] for r in rows} == {"TritonW4A16LinearKernel"}
    assert len(rows) == 4  # qkv, o, gate_up, down


def test_experts_run_in_triton_between_our_ops(card: dict[str, object]) -> None:
    result = _result(card, "moe")
    assert result.served("moe") == {"TritonExperts"}
    ops = {"vllm_gfx.ops.topk_softmax", "vllm_gfx.ops.moe_align_block_size", "gfx::silu_and_mul"}
    assert ops <= result.served("op")


def _worst(model: models.Model, result: simulate.Result, kv: torch.dtype) -> float:
    """Largest difference of the log-probabilities that vLLM returned from transformers'."""
    differences = []
    for prompt, new, steps in zip(PROMPTS, result.tokens, result.logprobs, strict=True):
        assert len(new) == len(steps) == TOKENS
        expected = model.logprobs(prompt, new, kv)
        for row, step in zip(expected, steps, strict=True):
            differences += [abs(p - float(row[int(token)])) for token, p in step.items()]
    return max(differences)


def test_fp8_kv_cache_rounds_as_the_target_does(
    request: pytest.FixtureRequest, card: dict[str, object], built: dict[str, models.Model]
) -> None:
    gfx = request.node.callspec.params["card"]
    result = _result(card, "fp8-kv")
    kv = FP8.get(targets.get(gfx).fp8, torch.float8_e4m3fn)
    assert result.served("attention") == {"TRITON_ATTN"}
    assert _worst(built["llama"], result, kv) <= FP8_KV_TOLERANCE
    assert _worst(built["llama"], result, torch.float32) > 10 * FP8_KV_TOLERANCE
