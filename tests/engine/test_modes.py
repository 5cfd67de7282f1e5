"""An engine of tests/gpu that falls back to another mode is seen, and not taken for the one asked.

On the cpu target, which has neither graphs nor a compiler and says so only in its log.
"""

from __future__ import annotations

import pytest

from tests.gpu import runs
from tests.support import engine, tinylm

RIGHT = {"eager": (0, 0), "graph": (7, 0), "compile": (7, 3)}


@pytest.mark.parametrize("asked", runs.MODES)
@pytest.mark.parametrize("said", runs.MODES)
@pytest.mark.parametrize("captured", [0, 7])
@pytest.mark.parametrize("compiled", [0, 3])
def test_what_ran(asked: str, said: str, captured: int, compiled: int) -> None:
    answers = engine.Answers(mode=said, captured=captured, compiled=compiled)
    if said == asked and (captured, compiled) == RIGHT[asked]:
        runs.ran_as(asked, answers)
        return
    with pytest.raises(AssertionError, match=f"{asked} was asked for: {said}, {captured} graphs"):
        runs.ran_as(asked, answers)


def test_a_fall_back_is_seen() -> None:
    job = engine.Job([[1, 2, 3]], params={"max_tokens": 2})
    asks = [
        engine.Ask(str(tinylm.copy(tinylm.ORIGINAL)), [job], {"max_model_len": 64, **settings})
        for settings in runs.MODES.values()
    ]
    found = dict(zip(runs.MODES, engine.run_all(asks), strict=True))
    assert not any(answers.error for answers in found.values()), found
    runs.ran_as("eager", found.pop("eager"))
    for mode, answers in found.items():
        assert answers.tokens  # it runs, and gives what eager gives
        with pytest.raises(AssertionError, match=f"{mode} was asked for: eager, 0 graphs, 0"):
            runs.ran_as(mode, answers)
