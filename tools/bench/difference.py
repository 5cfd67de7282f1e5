"""When one measurement differs from another by more than their spread: the one rule for it.

Used for two files (`bench --compare`) and for ours against another contestant in one file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from tools.bench.rows import Row
from tools.bench.welch import p_value

FEWEST = 3  # samples on each side
PERCENTILES_FROM = 10  # samples; of fewer, percentiles say less than the range
CHANCE = 0.01
LEAST = 0.01  # of the first median: less is not worth a word, however small the spread

RULE = (
    f"A difference exceeds the spread if all of this holds: both sides have at least {FEWEST} "
    "samples; their intervals do not touch (10th to 90th percentile from "
    f"{PERCENTILES_FROM} samples on, smallest to largest below that); chance alone would set the "
    f"means so far apart in less than {CHANCE:.0%} of cases (Welch's t-test, of logarithms where "
    f"all samples are positive); the medians are more than {LEAST:.0%} apart."
)


class Verdict(Enum):
    """What may be said of the second measurement, seen from the first."""

    BETTER = "better"
    WORSE = "worse"
    WITHIN = "within the spread"
    FEW = "too few samples"
    OTHER = "different"  # by more than the spread, where no direction is good


@dataclass(frozen=True)
class Difference:
    """`change` is that of the median, relative to the first; None where that is 0."""

    verdict: Verdict
    change: float | None


def interval(row: Row) -> tuple[float, float]:
    """Where the samples of a row with samples lie, as RULE says."""
    samples = row.samples or []
    if len(samples) >= PERCENTILES_FROM and row.spread:
        return row.spread[0], row.spread[1]
    return min(samples), max(samples)


def between(first: Row, second: Row) -> Difference:
    """What RULE says of `second`; which direction is good is said by `better` of the rows.

    Both have samples, and the same metric. Raises ValueError for a row without.
    """
    if first.value is None or second.value is None:
        raise ValueError("a failed row differs from nothing")
    change = (second.value - first.value) / abs(first.value) if first.value else None
    if min(len(first.samples or []), len(second.samples or [])) < FEWEST:
        return Difference(Verdict.FEW, change)
    if not _exceeds(first, second, change):
        return Difference(Verdict.WITHIN, change)
    if first.better == "neither":
        return Difference(Verdict.OTHER, change)
    gained = (second.value > first.value) == (first.better == "higher")
    return Difference(Verdict.BETTER if gained else Verdict.WORSE, change)


def _exceeds(first: Row, second: Row, change: float | None) -> bool:
    (low, high), (other_low, other_high) = interval(first), interval(second)
    apart = high < other_low or other_high < low
    if not apart or (change is not None and abs(change) <= LEAST):
        return False
    return p_value(*_comparable(first.samples or [], second.samples or [])) < CHANCE


def _comparable(a: list[float], b: list[float]) -> tuple[list[float], list[float]]:
    """Noise of rates and times grows with them, that of their logarithms does not."""
    if min(*a, *b) <= 0:
        return a, b
    return [math.log(x) for x in a], [math.log(x) for x in b]
