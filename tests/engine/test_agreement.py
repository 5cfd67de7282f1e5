"""The yardstick of tests/gpu sees errors, forgives ties, and is what the cpu target says now."""

from __future__ import annotations

import pytest

from tests.gpu import expected, noise, test_tokens, truth
from tests.support import agreement, engine, tinylm

TIE = 0.04


def _reference() -> agreement.Reference:
    return agreement.Reference(
        [[1, 2, 3, 4]] * 2, [{2: (9, 0.01), 3: (8, 0.5)}, {}], [[-1.0] * 4] * 2
    )


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
    assert (found.equal, found.share, found.strict) == (equal, share, equal / 8)
    assert len(found.ties) + len(found.errors) == 1


def test_lengths_must_match() -> None:
    with pytest.raises(ValueError, match="3 tokens, the reference has 4"):
        agreement.compare([[1, 2, 3]] * 2, _reference(), TIE)


def test_logprobs_are_compared_up_to_the_parting() -> None:
    steps = [[{"1": -1.5}, {"2": -0.75}, {"3": -1.0}, {"4": -1.0}], [{"1": -1.0}, {"7": -9.0}]]
    found = agreement.apart(steps, [[1, 2, 3, 4], [1, 7, 3, 4]], _reference())
    wanted = [(0.5, 0, 0), (0.25, 0, 1), (0.0, 0, 2), (0.0, 0, 3), (0.0, 1, 0)]
    assert found == [agreement.Apart(*one) for one in wanted]


def _said(*steps: dict[str, float]) -> list[dict[str, float]]:
    """A prompt of two tokens, then the reference's four."""
    return [{}, {"5": -1.0}, *steps]


def test_after_the_references_text_every_position_counts() -> None:
    right = _said({"1": -1.2}, {"2": -0.1}, {"3": -0.1}, {"4": -0.1})
    wrong = _said({"1": -1.0, "9": -0.7}, {"2": -0.5, "9": -0.5}, {"3": -0.1}, {"4": -3.0, "9": -1})
    found = agreement.forced([right, wrong], _reference())
    assert (found.positions, found.equal) == (8, 6)  # as likely as the best is equal
    assert found.behind == 2.0
    assert max(found.apart) == agreement.Apart(2.0, 1, 3)
    assert (len(found.apart), round(found.apart[0].nats, 4)) == (8, 0.2)


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_what_is_no_number_is_an_error(value: float) -> None:
    """Every comparison with a NaN is false, so `max` and `<=` would let it pass."""
    right = [{"1": -1.0}, {"2": -0.1}, {"3": -0.1}, {"4": -0.1}]
    for step in range(4):
        wrong = [*right[:step], {str(step + 1): value, "9": -3.0}, *right[step + 1 :]]
        with pytest.raises(ValueError, match=f"prompt 1, step {step}:"):
            agreement.apart([right, wrong], [[1, 2, 3, 4]] * 2, _reference())
        with pytest.raises(ValueError, match=f"prompt 1, step {step}:"):
            agreement.forced([_said(*right), _said(*wrong)], _reference())
        with pytest.raises(ValueError, match=f"prompt 1, step {step}:"):
            agreement.Reference.of([[1, 2, 3, 4]] * 2, [right, wrong], TIE)


def _errors(nats: float, of: int = 3200) -> list[agreement.Apart]:
    """Half of them so large, the others nothing: the root mean square is nats / sqrt(2)."""
    return [agreement.Apart(nats * (i % 2), i // 64, i % 64) for i in range(of)]


NAMES = (*expected.COPIES, expected.LORA)


@pytest.mark.parametrize("name", NAMES)
def test_errors_of_float16_pass_and_larger_ones_do_not(name: str) -> None:
    ways = noise.stored(name)
    rms, tail = (max(getattr(way, of) for way in ways) for of in ("rms", "tail"))
    noise.check(_errors(1.99 * rms), name, "as much again")
    with pytest.raises(AssertionError, match="rms"):
        noise.check(_errors(2.01 * rms), name, "more")
    right, far = _errors(0.0)[:-4], [agreement.Apart(2.01 * tail, 49, 60 + i) for i in range(4)]
    noise.check([*right, *far[:3]], name, "three far away")
    with pytest.raises(AssertionError, match="prompt 49, step 63"):
        noise.check([*right, *far], name, "four")
    gross = agreement.Apart(1.01 * noise.GROSS, 7, 8)
    with pytest.raises(AssertionError, match="at prompt 7, step 8"):
        noise.check([*_errors(0.0)[:-1], gross], name, "gross")


def test_tolerances_are_measured_for_every_copy() -> None:
    for name in NAMES:
        assert all(0 < way.rms < way.tail <= way.most < noise.GROSS for way in noise.stored(name))
    # Beyond what is written down no tie could be told.
    assert noise.ties() <= noise.TIE < expected.KEPT_NATS


@pytest.mark.parametrize("name", ["gptq-desc-act"])
def test_tolerances_are_what_float16_does(name: str) -> None:
    """On this processor, which may add in another order."""
    wanted = truth.reference(name)
    for (way, said), stored in zip(noise.halved(name).items(), noise.stored(name), strict=True):
        found = noise.errors(said, wanted)
        noise.check(found, name, f"{name}, {way}")
        assert noise.Spread.of(found).rms >= stored.rms / noise.POWER


def test_the_stored_answers_are_complete() -> None:
    assert len(expected.prompt_ids()) == expected.PROMPTS
    for name in (*expected.COPIES, expected.LORA):
        rows = expected.reference(name).tokens
        assert [len(row) for row in rows] == [expected.STEPS] * expected.PROMPTS


@pytest.mark.parametrize("copy", ["gptq-g128"])
def test_the_stored_answers_are_the_cpu_targets(copy: str) -> None:
    """Every tenth prompt. On this processor; another may add in another order."""
    some = slice(None, None, 10)
    ids, texts = expected.prompt_ids()[some], expected.forced(copy, expected.prompt_ids())
    (ask,) = expected.asks([copy], ids)
    ask.jobs.append(engine.Job(texts.prompts[some], params=texts.params))
    (answers,) = engine.run_all([ask])
    assert not answers.error, answers.error
    full = truth.reference(copy)
    wanted = agreement.Reference(full.tokens[some], full.behind[some], full.logprobs[some])
    found = agreement.compare(answers.tokens[0], wanted, noise.TIE)
    assert found.errors == [], found
    noise.check(agreement.apart(answers.logprobs[0], answers.tokens[0], wanted), copy, "itself")
    said = agreement.forced(answers.prompt_logprobs[1], wanted)
    assert said.positions == len(ids) * expected.STEPS
    assert said.share >= test_tokens.SHARE and said.behind <= noise.GROSS, said
    noise.check(said.apart, copy, "after its text")


def test_there_is_no_copy_without_answers() -> None:
    present = {path.parent.name for path in tinylm.share().glob("*/config.json")}
    assert present == set(expected.COPIES)
