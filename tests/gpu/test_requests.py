"""200 mixed requests sent at once, 32 running at a time, get what they get one by one.

Some of them are preempted.
"""

from __future__ import annotations

import pytest

from tests.gpu.runs import MIXED, MIXED_COPIES, Runs
from tests.support import mixed
from tests.support.agreement import parting

# A GPU adds in another order for another batch size, so float16 ties may fall differently:
# of the tokens, and of the requests, so many must be equal. On the cpu target, in float32, all are
# (tests/engine/test_mixed.py).
SHARE = 0.95


@pytest.mark.parametrize("copy", MIXED_COPIES)
def test_together_as_one_by_one(engines: Runs, copy: str) -> None:
    answers = engines.of(MIXED, copy)
    together, alone = answers.tokens
    assert len(together) == mixed.REQUESTS
    assert [len(row) for row in together] == [len(row) for row in alone]
    assert answers.preemptions >= 5, "nothing was preempted: give it less memory"
    same = [parting(a, b) for a, b in zip(together, alone, strict=True)]
    equal = sum(n == len(row) for n, row in zip(same, alone, strict=True))
    share = sum(same) / sum(map(len, alone))
    print(f"\nmixed {copy}: {equal} of {len(alone)} requests, {share:.1%} of the tokens equal, "
          f"{answers.preemptions} preemptions")  # fmt: skip
    assert share >= SHARE and equal / len(alone) >= SHARE
