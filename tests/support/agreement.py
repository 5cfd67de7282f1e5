"""How far generated tokens agree with a reference's, and whether where they part was a tie.

Greedy tokens of 16-bit arithmetic depend on the order of additions where two tokens are about
equally likely. After the first other token the contexts differ, so nothing is compared any more. A
parting is a tie where the reference's own best two tokens were closer than `tie` and the other was
taken; any other parting is an error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Tokens = list[int]


@dataclass(frozen=True)
class Reference:
    """Per prompt: tokens, and for each step the second best token and how far it was behind in
    nats (infinite where nobody wrote it down); what others' log-probabilities of the tokens are
    measured by.
    """

    tokens: list[Tokens]
    behind: list[dict[int, tuple[int, float]]]
    logprobs: list[list[float]] = field(default_factory=list)

    @classmethod
    def of(cls, tokens: list[Tokens], logprobs: list[Any], within: float) -> Reference:
        """From an engine's answers with `logprobs=2`: partings `within` nats are kept."""
        _all_numbers(logprobs)
        behind = []
        for row, found in zip(tokens, logprobs, strict=True):
            second = [_second(token, step) for token, step in zip(row, found, strict=True)]
            behind.append({i: s for i, s in enumerate(second) if s[1] <= within})
        return cls(tokens, behind)


def _second(token: int, step: dict[str, float]) -> tuple[int, float]:
    other = max((t for t in step if t != str(token)), key=lambda t: step[t])
    return int(other), round(step[str(token)] - step[other], 4)


@dataclass
class Agreement:
    """`positions` in all; `equal` of them before their prompt's first parting; `after_ties` are
    those that a tie makes incomparable.
    """

    positions: int = 0
    equal: int = 0
    after_ties: int = 0
    prompts: int = 0
    prompts_equal: int = 0
    ties: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Equal positions of those that can be compared."""
        return self.equal / (self.positions - self.after_ties)

    @property
    def strict(self) -> float:
        """Equal positions of all: whatever follows a parting counts as unequal."""
        return self.equal / self.positions

    def __str__(self) -> str:
        return (
            f"{self.equal} of {self.positions} positions ({self.strict:.1%}; "
            f"{self.share:.1%} without what follows a tie), {self.prompts_equal} of "
            f"{self.prompts} prompts, ties: {self.ties}, errors: {self.errors}"
        )


def compare(found: Sequence[Tokens], reference: Reference, tie: float) -> Agreement:
    """Compare the prompts that both have, in order. Raises ValueError for rows of other lengths."""
    result = Agreement()
    for i, (row, wanted) in enumerate(zip(found, reference.tokens, strict=True)):
        if len(row) != len(wanted):
            raise ValueError(f"prompt {i}: {len(row)} tokens, the reference has {len(wanted)}")
        same = parting(row, wanted)
        result.positions += len(wanted)
        result.prompts += 1
        result.equal += same
        if same == len(wanted):
            result.prompts_equal += 1
            continue
        other, behind = reference.behind[i].get(same, (-1, float("inf")))
        line = f"prompt {i}, step {same}: {row[same]} is not {wanted[same]}, {behind} nats ahead"
        tied = row[same] == other and behind <= tie
        (result.ties if tied else result.errors).append(line)
        result.after_ties += tied * (len(wanted) - same)
    return result


def parting(row: Tokens, wanted: Tokens) -> int:
    """The first position where they differ, or their length."""
    pairs = enumerate(zip(row, wanted, strict=True))
    return next((i for i, (a, b) in pairs if a != b), len(wanted))


@dataclass(frozen=True, order=True)
class Apart:
    """How many nats a token's log-probability is from the reference's, and which token's."""

    nats: float
    prompt: int
    step: int


def apart(logprobs: list[Any], found: list[Tokens], reference: Reference) -> list[Apart]:
    """Of the tokens before each prompt's parting."""
    _all_numbers(logprobs)
    rows = enumerate(zip(logprobs, found, reference.tokens, reference.logprobs, strict=True))
    return [
        Apart(abs(said[j][str(token)] - truth[j]), i, j)
        for i, (said, row, wanted, truth) in rows
        for j, token in enumerate(row[: parting(row, wanted)])
    ]


def _all_numbers(logprobs: Sequence[Any]) -> None:
    """Raise ValueError for a NaN, which no comparison sees, or an infinity."""
    for i, steps in enumerate(logprobs):
        for j, step in enumerate(steps):
            if not all(map(math.isfinite, step.values())):
                raise ValueError(f"prompt {i}, step {j}: {step}")


@dataclass
class Forced:
    """Every position given the reference's own text before it, so a parting ends nothing.

    `equal` of `positions` have the reference's token as the likeliest, or as likely as that;
    `behind` is how far it was behind at worst; `apart` says how far each log-probability was off.
    """

    positions: int = 0
    equal: int = 0
    behind: float = 0.0
    apart: list[Apart] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.equal / self.positions

    def __str__(self) -> str:
        return (
            f"{self.equal} of {self.positions} tokens after its text ({self.share:.2%}), "
            f"behind by at most {self.behind:.4f}"
        )


def forced(prompt_logprobs: Sequence[Any], reference: Reference) -> Forced:
    """What an engine says of prompts that end with the reference's tokens."""
    ends = [said[-len(row) :] for said, row in zip(prompt_logprobs, reference.tokens, strict=True)]
    found = Forced(apart=apart(ends, reference.tokens, reference))
    for said, wanted in zip(ends, reference.tokens, strict=True):
        gaps = [max(step.values()) - step[str(t)] for step, t in zip(said, wanted, strict=True)]
        found.positions += len(wanted)
        found.equal += sum(gap <= 0 for gap in gaps)
        found.behind = max(found.behind, *gaps)
    return found
