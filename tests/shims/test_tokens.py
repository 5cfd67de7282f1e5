"""Greedy tokens of the cpu target are transformers' own, in float32, for the tiny model.

Batch 1 and batch 8, chunked prefill, prefix-cache hits, and every quantised copy against
transformers on the weights that an independent dequantiser reads from it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tests.support import engine, prompts, reference, tinylm

NEW_TOKENS = 64
FLOAT32 = {"dtype": "float32", "max_model_len": 2048, "seed": 0}


@cache
def _ids(texts: tuple[str, ...]) -> list[list[int]]:
    tokenizer = AutoTokenizer.from_pretrained(tinylm.copy("fp"))
    return [tokenizer(text)["input_ids"] for text in texts]


@cache
def _reference() -> list[list[int]]:
    return reference.generate(reference.load(tinylm.copy("fp")), _ids(prompts.TEXTS), NEW_TOKENS)


@pytest.fixture(scope="module")
def batches() -> engine.Answers:
    ids = _ids(prompts.TEXTS)
    jobs = [engine.Job(ids, one_by_one=True), engine.Job(ids)]
    return engine.run(
        tinylm.copy("fp"), jobs, max_num_seqs=8, enable_prefix_caching=False, **FLOAT32
    )


def test_prompts_are_many_and_mixed() -> None:
    lengths = sorted(len(ids) for ids in _ids(prompts.TEXTS))
    assert len(lengths) >= 20 and lengths[0] < 4 and lengths[-1] > 300


@pytest.mark.parametrize("job", [0, 1], ids=["batch-1", "batch-8"])
def test_equal_transformers(batches: engine.Answers, job: int) -> None:
    assert reference.differing(batches.tokens[job], _reference()) == []


def test_report_names_what_ran(batches: engine.Answers) -> None:
    served = {(row["kind"], row["implementation"]) for row in batches.report}
    assert ("attention", "TORCH_PAGED") in served
    assert {kind for kind, _ in served} == {"linear", "attention", "op"}


def test_chunked_prefill() -> None:
    ids = _ids(prompts.TEXTS)
    budget = 48  # tokens a step: long prompts take many steps, mixed with others' decodes
    assert sum(len(i) > 2 * budget for i in ids) >= 4
    answers = engine.run(
        tinylm.copy("fp"),
        [engine.Job(ids)],
        max_num_seqs=8,
        max_num_batched_tokens=budget,
        enable_chunked_prefill=True,
        enable_prefix_caching=False,
        **FLOAT32,
    )
    assert reference.differing(answers.tokens[0], _reference()) == []


def test_prefix_cache_hit() -> None:
    ids = _ids(prompts.TEXTS)
    shared = _ids((prompts.LONG,))[0]
    tails = [shared + i for i in ids[:4]]
    jobs = [engine.Job([shared]), engine.Job(tails), engine.Job(ids), engine.Job(ids)]
    answers = engine.run(tinylm.copy("fp"), jobs, enable_prefix_caching=True, **FLOAT32)
    assert min(answers.cached[1]) >= len(shared) // 2, "the shared prefix was not reused"
    assert max(answers.cached[3]) > 0
    assert reference.differing(answers.tokens[3], _reference()) == []
    expected = reference.generate(reference.load(tinylm.copy("fp")), tails, NEW_TOKENS)
    assert reference.differing(answers.tokens[1], expected) == []


def test_engine_in_its_own_process(batches: engine.Answers) -> None:
    ids = _ids(prompts.TEXTS)[:8]
    env = {"VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
    answers = engine.run(tinylm.copy("fp"), [engine.Job(ids)], env=env, **FLOAT32)
    assert answers.tokens[0] == batches.tokens[1][:8]
    assert answers.report, "the report must come from the engine's process"


@pytest.mark.parametrize("copy", tinylm.QUANTISED)
def test_quantised_copy(copy: str, tmp_path: Path) -> None:
    ids = _ids(prompts.TEXTS)
    tinylm.dequantise(copy, tmp_path)
    answers = engine.run(tinylm.copy(copy), [engine.Job(ids)], max_num_seqs=8, **FLOAT32)
    kernels = {r["implementation"] for r in answers.report if r["kind"] == "linear"}
    assert any("W4A16" in name for name in kernels), kernels
    expected = reference.generate(reference.load(tmp_path), ids, NEW_TOKENS)
    assert reference.differing(answers.tokens[0], expected) == []
