"""What was aimed at, and where it was reached: aims.yaml judged by the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.bench import words
from tools.bench.groups import OURS, Group
from tools.bench.headline import Column, answer, matches
from tools.bench.rows import Row

FILE = Path(__file__).with_name("aims.yaml")
_COLUMN = ("title", "bench", "parameters", "cold", "extremes")


@dataclass(frozen=True)
class Aim:
    """One entry of aims.yaml; `column` finds the rows that it is about."""

    column: Column
    peer: str = ""
    least: float | None = None
    most: float | None = None
    unit: str = ""
    mode: str = ""
    models: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.peer:
            return f"{self.column.title} >= {self.least:g}x {self.peer}"
        sign, bound = (">=", self.least) if self.most is None else ("<=", self.most)
        assert bound is not None
        return f"{self.column.title} {sign} {words.quantity(bound, self.unit)}"

    def concerns(self, group: Group) -> bool:
        """Whether the aim was meant for this model in this mode."""
        models = not self.models or group.subject in self.models
        return models and self.mode in ("", group.mode)

    def reached_by(self, value: float) -> bool:
        """Whether `value`, in times of the peer or in `unit`, is good enough."""
        low = self.least is None or value >= self.least
        return low and (self.most is None or value <= self.most)


@cache
def all_aims() -> tuple[Aim, ...]:
    """aims.yaml."""
    return tuple(_aim(dict(entry)) for entry in yaml.safe_load(FILE.read_text("utf-8")))


def _aim(entry: dict[str, Any]) -> Aim:
    asked = {name: entry.pop(name) for name in _COLUMN if name in entry}
    column = Column(metric=entry.pop("metric", asked["bench"]), **asked)
    return Aim(column, **{**entry, "models": tuple(entry.get("models", ()))})


@dataclass(frozen=True)
class Judged:
    """One aim in one group: what was found, as text, and whether that is enough."""

    group: Group
    found: str
    reached: bool


def _said(row: Row, column: Column) -> str:
    ends = words.extremes(row) if column.extremes else ""
    return f"{words.median(row)} ({ends})" if ends else words.median(row)


def unmeasured(aim: Aim, found: Iterable[Judged]) -> list[str]:
    """The models that the aim names and that nothing was found of."""
    seen = {judgement.group.subject for judgement in found}
    return [name for name in aim.models if name not in seen]


def judged(aim: Aim, groups: Sequence[Group]) -> Iterator[Judged]:
    """Every group that the aim was meant for and that has its measurement."""
    for group in filter(aim.concerns, groups):
        line = answer(group, aim.column)
        if line is None or OURS not in line.rows:
            continue
        if not aim.peer:
            row = line.rows[OURS]
            if row.value is not None:
                yield Judged(group, _said(row, aim.column), aim.reached_by(row.value))
            continue
        for match in matches(line):
            if match.peer.partition("=")[0] == aim.peer and match.times is not None:
                yield Judged(group, match.number, aim.reached_by(match.times))
