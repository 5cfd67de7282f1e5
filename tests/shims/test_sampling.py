"""Penalties, top-k, top-p and seeds against their definitions on transformers' logits."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from transformers import AutoTokenizer

from tests.support import engine, prompts, reference, tinylm

STEPS = 32
PENALTIES = {
    "repetition": {"repetition_penalty": 1.4},
    "frequency": {"frequency_penalty": 0.7},
    "presence": {"presence_penalty": 1.1},
}
SAMPLED = {"temperature": 1.0, "max_tokens": STEPS, "seed": 7, "logprobs": 8}
RESTRICTED = {
    "top-k": {**SAMPLED, "top_k": 4},
    "top-p": {**SAMPLED, "top_p": 0.5},
    "top-k-1": {**SAMPLED, "top_k": 1},
    "same-seed": SAMPLED,
    "same-seed-again": SAMPLED,
    "other-seed": {**SAMPLED, "seed": 8},
}
JOBS = {**{k: {**v, "max_tokens": STEPS} for k, v in PENALTIES.items()}, **RESTRICTED}


@pytest.fixture(scope="module")
def ids() -> list[list[int]]:
    tokenizer = AutoTokenizer.from_pretrained(tinylm.copy("fp"))
    return [tokenizer(text)["input_ids"] for text in prompts.TEXTS[:6]]


@pytest.fixture(scope="module")
def answers(ids: list[list[int]]) -> engine.Answers:
    jobs = [engine.Job(ids, params=params) for params in JOBS.values()]
    jobs.append(engine.Job(ids, params={"max_tokens": STEPS}))
    return engine.run(tinylm.copy("fp"), jobs, dtype="float32", max_model_len=1024)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return reference.load(tinylm.copy("fp"))


def _penalised(logits: torch.Tensor, prompt: list[int], new: list[int], kind: str) -> torch.Tensor:
    """The definitions that OpenAI's API documents, and CTRL's repetition penalty."""
    amount = next(iter(PENALTIES[kind].values()))
    if kind == "repetition":
        seen = torch.tensor(sorted({*prompt, *new}))
        logits[seen] = torch.where(logits[seen] > 0, logits[seen] / amount, logits[seen] * amount)
        return logits
    for token, count in Counter(new).items():
        logits[token] -= amount * (count if kind == "frequency" else 1)
    return logits


@pytest.mark.parametrize("kind", PENALTIES)
@torch.inference_mode()
def test_penalty(
    answers: engine.Answers, ids: list[list[int]], model: torch.nn.Module, kind: str
) -> None:
    """Given the tokens before it, each token is the largest of the penalised logits."""
    for prompt, found in zip(ids, answers.tokens[list(JOBS).index(kind)], strict=True):
        logits = model(torch.tensor([prompt + found])).logits[0, len(prompt) - 1 : -1]
        for step, row in enumerate(logits):
            assert int(_penalised(row, prompt, found[:step], kind).argmax()) == found[step]


def test_penalties_matter(answers: engine.Answers) -> None:
    for kind in PENALTIES:
        assert _of(answers, kind) != answers.tokens[-1]


def _of(answers: engine.Answers, job: str) -> list[list[int]]:
    return answers.tokens[list(JOBS).index(job)]


def test_seed_decides(answers: engine.Answers) -> None:
    assert _of(answers, "same-seed") == _of(answers, "same-seed-again")
    assert _of(answers, "same-seed") != _of(answers, "other-seed")


def test_top_k_1_is_greedy(answers: engine.Answers) -> None:
    assert _of(answers, "top-k-1") == answers.tokens[-1]
    assert _of(answers, "same-seed") != answers.tokens[-1], "sampling must differ from greedy"


@pytest.mark.parametrize("job", ["top-k", "top-p"])
def test_sampled_tokens_stay_inside(answers: engine.Answers, job: str) -> None:
    """From each step's own probabilities: the sampled token is among those the filter keeps."""
    index = list(JOBS).index(job)
    surprises = 0
    for tokens, steps in zip(answers.tokens[index], answers.logprobs[index], strict=True):
        for token, step in zip(tokens, steps, strict=True):
            better = [p for p in step.values() if p > step[str(token)]]
            surprises += bool(better)
            if job == "top-k":
                assert len(better) < 4
            else:
                assert torch.tensor(better).exp().sum() < 0.5 + 1e-4
    assert surprises > 10, "the filter must leave something to sample"
