"""Greedy tokens on a GPU are the cpu target's, eagerly, from graphs and compiled.

`python -m pytest tests/gpu -s` prints how far each checkpoint agrees.
"""

from __future__ import annotations

import pytest

from tests.gpu import expected, noise, truth
from tests.gpu.runs import CHUNK, CHUNKED, COPIES, LORA, Runs
from tests.support import agreement, engine, tinylm

# Of 50 prompts x 64 tokens, so many must be the cpu target's. Each token is asked for after the cpu
# target's own text, so every one of the 3200 counts and none depends on the ones before it.
SHARE = 0.95
# Left to themselves: a prompt counts up to its first other token; behind that the texts differ.
# SHARE holds without what follows a tie, two tokens that are closer than `noise.TIE`. Because a
# tie takes the rest of its prompt along, the share of all positions is bounded too: 89.5 to 98.6 %
# were seen on an H200, and the cpu target gives itself 94.8 % at another batch size. A twentieth
# less is five more partings of the 50 prompts than were ever seen.
STRICT = 0.845
OURS = "GfxW4A16LinearKernel"

CASES = [(mode, copy) for mode, copies in COPIES.items() for copy in copies]


def agrees(tokens: list[list[int]], name: str, label: str) -> None:
    """Left to itself, with the cpu target."""
    found = agreement.compare(tokens, expected.reference(name), noise.TIE)
    print(f"\n{label}: {found}")
    assert found.share >= SHARE and found.strict >= STRICT, found


def _agrees(answers: engine.Answers, name: str, label: str, job: int = 0) -> None:
    agrees(answers.tokens[job], name, label)
    wanted = truth.reference(name)
    errors = agreement.apart(answers.logprobs[job], answers.tokens[job], wanted)
    noise.check(errors, name, label)


@pytest.mark.parametrize(("mode", "copy"), CASES)
def test_tokens_of_the_cpu_target(engines: Runs, mode: str, copy: str) -> None:
    _agrees(engines.of(mode, copy), copy, f"{mode} {copy}")


@pytest.mark.parametrize(("mode", "copy"), CASES)
def test_each_token_after_the_cpu_targets_text(engines: Runs, mode: str, copy: str) -> None:
    _, said = engines.of(mode, copy).prompt_logprobs
    found = agreement.forced(said, truth.reference(copy))
    print(f"\n{mode} {copy}: {found}")
    assert found.positions == expected.PROMPTS * expected.STEPS
    assert found.share >= SHARE, found
    assert found.behind <= noise.GROSS
    noise.check(found.apart, copy, f"{mode} {copy}, after its text")


@pytest.mark.parametrize("copy", COPIES["compile"])
@pytest.mark.parametrize("mode", ["graph", "compile"])
def test_modes_agree(engines: Runs, mode: str, copy: str) -> None:
    """With each other: where they part from the cpu target at a tie, they may do so differently."""
    eager, other = engines.of("eager", copy), engines.of(mode, copy)
    first = agreement.Reference.of(eager.tokens[0], eager.logprobs[0], noise.TIE)
    found = agreement.compare(other.tokens[0], first, noise.TIE)
    print(f"\n{mode} as eager, {copy}: {found}")
    assert found.share >= SHARE and found.strict >= STRICT, found


def served(report: list[dict[str, str]]) -> set[str]:
    """What serves the layers of attention and MLP."""
    return {row["implementation"] for row in report if row["layer"].endswith("_proj")}


@pytest.mark.parametrize(("mode", "copy"), [c for c in CASES if c[1] != tinylm.ORIGINAL])
def test_our_kernel_serves_quantised_layers(engines: Runs, mode: str, copy: str) -> None:
    assert served(engines.of(mode, copy).report) == {OURS}


def test_chunks_and_prefix_cache(engines: Runs) -> None:
    answers = engines.of("eager", CHUNKED)
    assert sum(len(row) > CHUNK for row in expected.prompt_ids()) >= 10
    for job in (0, 1):
        _agrees(answers, tinylm.ORIGINAL, f"{CHUNKED}, time {job + 1}", job)
    assert sum(answers.cached[1]) > sum(answers.cached[0])


def test_adapter(engines: Runs) -> None:
    answers = engines.of("graph", LORA)
    _agrees(answers, expected.LORA, LORA)
    assert answers.tokens[0] != expected.reference(tinylm.ORIGINAL).tokens
