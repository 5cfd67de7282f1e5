"""What the numbers are to reach, and whether they do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from gfx_bench.runner import Outcome

SHARES = Path(__file__).with_name("shares.yaml")


@dataclass(frozen=True)
class Faster:
    """Faster than every other contestant, right or wrong, in every case of these rows."""

    rows: tuple[int, ...]

    def text(self) -> str:
        return f"faster than every peer at M = {_listed(self.rows)}"

    def concerns(self, outcome: Outcome) -> bool:
        return outcome.shape.get("m") in self.rows

    def miss(self, outcome: Outcome, copy_gb_s: float) -> str | None:
        del copy_gb_s
        lost = [
            f"{o.name} {outcome.ratio(o):.2f}x{'' if o.right else ' (wrong result)'}"
            for o in outcome.others
            if outcome.ratio(o) <= 1
        ]
        return ", ".join(lost) or None


@dataclass(frozen=True)
class Share:
    """At least `least` of the measured copy bandwidth in layers whose name matches wholly."""

    rows: tuple[int, ...]
    layers: str
    least: float
    what: str

    def text(self) -> str:
        return f"{self.least:.0%} of copy bandwidth at M = {_listed(self.rows)}, {self.what}"

    def concerns(self, outcome: Outcome) -> bool:
        layer = str(outcome.shape.get("layer", "")).rpartition("/")[2]
        return outcome.shape.get("m") in self.rows and bool(re.fullmatch(self.layers, layer))

    def miss(self, outcome: Outcome, copy_gb_s: float) -> str | None:
        share = outcome.gigabytes(outcome.ours) / copy_gb_s
        return None if share >= self.least else f"{share:.1%}"


@dataclass(frozen=True)
class Right:
    """Within the tolerance everywhere."""

    def text(self) -> str:
        return "error within the tolerance"

    def concerns(self, outcome: Outcome) -> bool:
        return bool(outcome.timed)

    def miss(self, outcome: Outcome, copy_gb_s: float) -> str | None:
        del copy_gb_s
        ours = outcome.ours
        return None if ours.right else f"{ours.error:.1e}, allowed {ours.allowed:.0e}"


Goal = Faster | Share | Right


def _shares(op: str) -> Iterator[Share]:
    for row in yaml.safe_load(SHARES.read_text("utf-8"))[op]:
        yield Share(tuple(row["rows"]), row["layers"], row["least"], row["what"])


GOALS: dict[str, tuple[Goal, ...]] = {
    "w4a16_linear": (
        Right(),
        Faster((1, 4)),
        *_shares("w4a16_linear"),
    ),
    "skinny_linear": (
        Right(),
        Faster((1, 4, 8)),
        *_shares("skinny_linear"),
    ),
}


@dataclass(frozen=True)
class Verdict:
    """A goal, how many cases it concerns, and where it was missed, by case."""

    text: str
    cases: int
    misses: dict[str, str]

    @property
    def status(self) -> str:
        if not self.cases:
            return "not run"
        return "FAIL" if self.misses else "pass"


def judge(op: str, outcomes: Sequence[Outcome], copy_gb_s: float) -> list[Verdict]:
    """Every goal of `op` against what was measured."""
    verdicts = []
    for goal in GOALS.get(op, (Right(),)):
        concerned = [o for o in outcomes if goal.concerns(o)]
        found = {o.name: goal.miss(o, copy_gb_s) for o in concerned}
        misses = {name: miss for name, miss in found.items() if miss}
        verdicts.append(Verdict(goal.text(), len(concerned), misses))
    return verdicts


def _listed(rows: Sequence[int]) -> str:
    return ", ".join(map(str, rows))
