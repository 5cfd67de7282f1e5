"""The few questions that README and the top of a report answer, and how ours did against others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.bench import words
from tools.bench.difference import Verdict, between
from tools.bench.groups import OURS, Group, Line
from tools.bench.rows import Row

MARKS = {Verdict.WITHIN: " ~", Verdict.FEW: " ?"}
MARKED = "x: how many times as good ours is; ~ within the spread, ? too few samples to say."


@dataclass(frozen=True)
class Column:
    """One question: bench, metric, and the parameters that a row must have."""

    title: str
    bench: str
    metric: str
    parameters: dict[str, Any] = field(default_factory=dict)
    cold: bool | None = None  # None: whatever the row says
    speed: bool = False  # only what users wait for is compared in a headline
    extremes: bool = False  # the smallest and the largest sample are said

    def fits(self, row: Row) -> bool:
        """Whether `row` answers this question."""
        return (
            (row.bench, row.metric) == (self.bench, self.metric)
            and self.parameters.items() <= row.parameters.items()
            and (self.cold is None or row.cold == self.cold)
        )


COLUMNS = (
    Column("1 stream", "decode", "decode", speed=True),
    Column("of the bandwidth", "roofline", "roofline"),
    Column("32 streams", "throughput", "throughput", {"streams": 32}, speed=True),
    Column("first token, 2048", "ttft", "ttft", {"prompt": 2048}, speed=True),
    Column("host share (lower bound)", "step", "host_share"),
    Column("start-up", "startup", "startup", cold=False, extremes=True),
)


@dataclass(frozen=True)
class Match:
    """Ours against one peer on one line: `times` as good, None where that cannot be said."""

    peer: str
    times: float | None
    verdict: Verdict

    @property
    def is_loss(self) -> bool:
        """Worse by any amount; `verdict` says whether by more than the spread."""
        return self.times is not None and self.times < 1

    @property
    def number(self) -> str:
        """`times`, with a mark where it does not exceed the spread; MARKED says what it means."""
        return "" if self.times is None else f"{self.times:.2f}{MARKS.get(self.verdict, '')}"

    def __str__(self) -> str:
        if self.times is None:
            return ""
        return f"{self.times:.2f}x {self.peer}{MARKS.get(self.verdict, '')}"


def matches(line: Line) -> list[Match]:
    """Ours against every peer that was measured in turns with it."""
    peers = line.peers()
    return [
        Match(name, words.times(line.rows[OURS], row), between(row, line.rows[OURS]).verdict)
        for name, row in peers.items()
    ]


def losses(groups: Sequence[Group]) -> Iterator[tuple[Group, Line, Match]]:
    """Every line on which ours is worse than a peer."""
    for group in groups:
        for line in group.lines:
            yield from ((group, line, match) for match in matches(line) if match.is_loss)


def clear(lost: Iterable[tuple[Group, Line, Match]]) -> int:
    """How many of these losses exceed the spread."""
    return sum(match.verdict is Verdict.WORSE for _, _, match in lost)


def count(groups: Sequence[Group]) -> int:
    """How many comparisons there are."""
    return sum(
        match.times is not None
        for group in groups
        for line in group.lines
        for match in matches(line)
    )


def answer(group: Group, column: Column) -> Line | None:
    """The group's line for a column."""
    fitting = (line for line in group.lines if column.fits(line.any))
    return next(fitting, None)
