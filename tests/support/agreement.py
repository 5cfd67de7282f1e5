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
    nats (infinite where nobody wrote it down); log-probabilities of the first steps' tokens.
    """

    tokens: list[Tokens]
    behind: list[dict[int, tuple[int, float]]]
    logprobs: list[list[float]] = field(default_factory=list)

    @classmethod
    def of(cls, tokens: list[Tokens], logprobs: list[Any], within: float, steps: int) -> Reference:
        """From an engine's answers with `logprobs=2`: partings `within` nats are kept."""
        _all_numbers(logprobs)
        behind, first = [], []
        for row, found in zip(tokens, logprobs, strict=True):
            second = [_second(token, step) for token, step in zip(row, found, strict=True)]
            behind.append({i: s for i, s in enumerate(second) if s[1] <= within})
            first.append([step[str(token)] for token, step in zip(row, found, strict=True)][:steps])
        return cls(tokens, behind, first)


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


def furthest(logprobs: list[Any], found: list[Tokens], reference: Reference) -> float:
    """Largest difference of the log-probabilities of tokens before their prompt's parting."""
    _all_numbers(logprobs)
    worst = 0.0
    rows = zip(logprobs, found, reference.tokens, reference.logprobs, strict=True)
    for steps, row, wanted, theirs in rows:
        same = min(parting(row, wanted), len(theirs))
        for step, token, expected in zip(steps[:same], row, theirs, strict=False):
            worst = max(worst, abs(step[str(token)] - expected))
    return worst


def _all_numbers(logprobs: Sequence[Any]) -> None:
    """Raise ValueError for a NaN, which no comparison sees, or an infinity."""
    for i, steps in enumerate(logprobs):
        for j, step in enumerate(steps):
            if not all(map(math.isfinite, step.values())):
                raise ValueError(f"prompt {i}, log-probabilities {j}: {step}")


@dataclass
class Forced:
    """Every position given the reference's own text before it, so a parting ends nothing.

    `equal` of `positions` have the reference's token as the likeliest, or as likely as that;
    `behind` is how far it was behind at worst, `furthest` the largest difference of its
    log-probability from the reference's, where that was written down.
    """

    positions: int = 0
    equal: int = 0
    behind: float = 0.0
    furthest: float = 0.0

    @property
    def share(self) -> float:
        return self.equal / self.positions

    def __str__(self) -> str:
        return (
            f"{self.equal} of {self.positions} tokens after its text ({self.share:.2%}), "
            f"behind by at most {self.behind:.4f}; logprobs within {self.furthest:.4f}"
        )


def own(prompt_logprobs: Sequence[Any], tokens: list[Tokens], steps: int) -> list[list[float]]:
    """Log-probabilities of the first `steps` of `tokens`, with which the prompts end."""
    return [
        [step[str(t)] for step, t in zip(said[-len(row) :], row, strict=True)][:steps]
        for said, row in zip(prompt_logprobs, tokens, strict=True)
    ]


def forced(prompt_logprobs: Sequence[Any], reference: Reference) -> Forced:
    """What an engine says of prompts that end with the reference's tokens."""
    _all_numbers(prompt_logprobs)
    found = Forced()
    every = own(prompt_logprobs, reference.tokens, steps=max(map(len, reference.tokens)))
    rows = zip(prompt_logprobs, every, reference.tokens, reference.logprobs, strict=True)
    for steps, ours, wanted, theirs in rows:
        best = [max(step.values()) for step in steps[-len(wanted) :]]
        gaps = [a - b for a, b in zip(best, ours, strict=True)]
        found.positions += len(wanted)
        found.equal += sum(gap <= 0 for gap in gaps)
        found.behind = max(found.behind, *gaps)
        apart = [abs(a - b) for a, b in zip(ours, theirs, strict=False)]
        found.furthest = max(found.furthest, *apart)
    return found
