"""200 mixed requests sent at once, 32 running at a time, get the tokens they get one by one.

Some of them are preempted.
"""

from __future__ import annotations

from tests.gpu import expected
from tests.gpu.runs import MIXED_TOKENS
from tests.support import engine, mixed, reference, tinylm

TOKENS = 12


def test_together_as_one_by_one() -> None:
    answers = engine.run(
        tinylm.copy(tinylm.ORIGINAL),
        mixed.jobs(mixed.ids(), TOKENS),
        dtype="float32",
        seed=0,
        enable_prefix_caching=False,
        disable_log_stats=False,  # it counts preemptions
        **mixed.MEMORY,
    )
    together, alone = answers.tokens
    assert len(together) == mixed.REQUESTS
    assert answers.preemptions >= 5, "nothing was preempted: give it less memory"
    assert reference.differing(together, alone) == []


def test_requests_are_mixed() -> None:
    cut, params = mixed.requests(expected.prompt_ids(), MIXED_TOKENS)
    assert len(cut) == len(params) == mixed.REQUESTS
    assert len({len(ids) for ids in cut}) >= 5
    assert {"temperature", "logprobs", "repetition_penalty"} <= {k for p in params for k in p}
