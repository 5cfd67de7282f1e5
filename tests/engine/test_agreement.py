"""The yardstick of tests/gpu sees errors, forgives ties, and is what the cpu target says now."""

from __future__ import annotations

import pytest

from tests.gpu import expected
from tests.support import agreement, engine, tinylm

TIE = 0.04


def _reference() -> agreement.Reference:
    return agreement.Reference([[1, 2, 3, 4]] * 2, [{2: (9, 0.01), 3: (8, 0.5)}, {}], [[-1.0]] * 2)


def test_equal() -> None:
    found = agreement.compare([[1, 2, 3, 4]] * 2, _reference(), TIE)
    assert (found.share, found.equal, found.prompts_equal) == (1.0, 8, 2)


@pytest.mark.parametrize(
    ("row", "equal", "share"),
    [
        ([1, 2, 9, 7], 6, 1.0),  # a tie: what follows is not compared
        ([1, 2, 7, 4], 6, 6 / 8),  # another token than the second best
        ([1, 2, 3, 8], 7, 7 / 8),  # the second best, but far behind
        ([7, 2, 3, 4], 4, 4 / 8),
    ],
)
def test_partings(row: list[int], equal: int, share: float) -> None:
    found = agreement.compare([row, [1, 2, 3, 4]], _reference(), TIE)
    assert (found.equal, found.share) == (equal, share)
    assert len(found.ties) + len(found.errors) == 1


def test_lengths_must_match() -> None:
    with pytest.raises(ValueError, match="3 tokens, the reference has 4"):
        agreement.compare([[1, 2, 3]] * 2, _reference(), TIE)


def test_logprobs_are_compared_up_to_the_parting() -> None:
    steps = [[{"1": -1.5}], [{"7": -9.0}]]
    assert agreement.furthest(steps, [[1, 2, 3, 4], [7, 2, 3, 4]], _reference()) == 0.5


def test_the_stored_answers_are_complete() -> None:
    assert len(expected.prompt_ids()) == expected.PROMPTS
    for name in (*expected.COPIES, expected.LORA):
        rows = expected.reference(name).tokens
        assert [len(row) for row in rows] == [expected.STEPS] * expected.PROMPTS


@pytest.mark.parametrize("copy", ["gptq-g128"])
def test_the_stored_answers_are_the_cpu_targets(copy: str) -> None:
    """Every tenth prompt. On this processor; another may add in another order."""
    some = slice(None, None, 10)
    (ask,) = expected.asks([copy], expected.prompt_ids()[some])
    (answers,) = engine.run_all([ask])
    assert not answers.error, answers.error
    full = expected.reference(copy)
    wanted = agreement.Reference(full.tokens[some], full.behind[some], full.logprobs[some])
    found = agreement.compare(answers.tokens[0], wanted, TIE)
    assert found.errors == [], found
    assert agreement.furthest(answers.logprobs[0], answers.tokens[0], wanted) < TIE


def test_there_is_no_copy_without_answers() -> None:
    present = {path.parent.name for path in tinylm.share().glob("*/config.json")}
    assert present == set(expected.COPIES)
