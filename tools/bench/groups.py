"""Rows side by side: the contestants of one model on one device, question by question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.bench import cases
from tools.bench.rows import Row

OURS = "gfx"  # the contestant that the others are compared with
ORDER = (
    "decode", "ttft", "tpot", "throughput", "kv_capacity", "memory", "startup", "roofline", "step",
    "ablate",
)  # fmt: skip


@dataclass
class Line:
    """One question and the row of each contestant that answered it."""

    rows: dict[str, Row] = field(default_factory=dict)
    label: str = ""
    flags: dict[str, Any] = field(default_factory=dict)  # of an engine that ran before with others

    @property
    def any(self) -> Row:
        return next(iter(self.rows.values()))

    def peers(self) -> dict[str, Row]:
        """The rows that may be compared with ours: measured in turns with it, in one invocation."""
        ours = self.rows.get(OURS)
        if ours is None:
            return {}
        return {n: r for n, r in self.rows.items() if n != OURS and r.run == ours.run}


@dataclass
class Group:
    """What was measured of one model on one device in one mode; ours is the first contestant."""

    device: cases.Device
    subject: str
    mode: str
    contestants: list[str]
    lines: list[Line]
    usual: dict[str, Any]  # parameters that labels leave out

    @property
    def title(self) -> str:
        return f"{self.subject}, {self.mode}" if self.mode else self.subject

    @property
    def note(self) -> str:
        """The parameters that labels leave out, as a sentence."""
        said = ", ".join(f"{name} {value}" for name, value in self.usual.items())
        return f"Where nothing else is said: {said}." if said else ""

    def rows(self, bench: str, metric: str | None = None) -> list[tuple[str, Row]]:
        """Contestant and newest row of each question of one metric, by default the bench's own."""
        wanted = (bench, metric or bench)
        lines = [
            line
            for line in self.lines
            if (line.any.bench, line.any.metric) == wanted and not line.flags
        ]
        return [item for line in lines for item in line.rows.items()]


def group(rows: Sequence[Row]) -> list[Group]:
    """The newest rows by device, model and mode.

    A contestant with a checkpoint of its own stands beside ours of the same invocation.
    """
    mains = _mains(rows)
    found: dict[tuple[cases.Device, str, str], list[Row]] = {}
    for row in cases.newest(rows):
        found.setdefault((cases.device(row), mains[id(row)], cases.mode(row)), []).append(row)
    return [_group(key, part) for key, part in found.items()]


def _mains(rows: Iterable[Row]) -> dict[int, str]:
    """Identity of a row -> the model of ours that it stands beside, else its own.

    Invocations may have begun in the same second; the rows of each lie together in the file.
    """
    rows = list(rows)
    ours: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.contestant == OURS:
            ours.setdefault(row.run, {})[row.subject] = None
    current = {run: next(iter(subjects)) for run, subjects in ours.items()}
    found = {}
    for row in rows:
        if row.subject in ours.get(row.run, ()):
            current[row.run] = row.subject
        found[id(row)] = current.get(row.run, row.subject)
    return found


def _group(key: tuple[cases.Device, str, str], rows: Sequence[Row]) -> Group:
    names = _names(rows)
    lines = _lines(rows, names)
    usual = _usual(lines)
    for line in lines:
        line.label = cases.label(line.any, _unsaid(line, lines, usual))
        line.label += "".join(f", {k} {v}" for k, v in line.flags.items()).replace("_", " ")
    contestants = sorted(dict.fromkeys(names.values()), key=lambda name: name != OURS)
    return Group(*key, contestants, lines, usual)


def _names(rows: Iterable[Row]) -> dict[tuple[str, str], str]:
    """Contestant and checkpoint -> the label, with the checkpoint where one label has several."""
    pairs = list(dict.fromkeys((row.contestant, row.subject) for row in rows))
    seen = Counter(label for label, _ in pairs)
    return {(n, of): n if seen[n] == 1 else f"{n}={of}" for n, of in pairs}


def _usual(lines: Sequence[Line]) -> dict[str, Any]:
    """The most frequent value of each number among the parameters."""
    seen: dict[str, Counter[Any]] = {}
    for line in lines:
        for name, value in cases.asked(line.any).items():
            if isinstance(value, int | float):
                seen.setdefault(name, Counter())[value] += 1
    return {name: counts.most_common(1)[0][0] for name, counts in seen.items()}


def _unsaid(line: Line, lines: Sequence[Line], usual: dict[str, Any]) -> set[str]:
    """The usual parameters of a line that do not tell it from others of its metric."""
    row = line.any
    others = [o.any for o in lines if (o.any.bench, o.any.metric) == (row.bench, row.metric)]
    return {
        name
        for name, value in cases.asked(row).items()
        if usual.get(name) == value and all(o.parameters.get(name) == value for o in others)
    }


def _lines(rows: Iterable[Row], names: dict[tuple[str, str], str]) -> list[Line]:
    """The newest rows first; what the same engine answered with other flags has its own lines."""
    found: dict[tuple[Any, ...], Line] = {}
    for row in sorted(rows, key=lambda row: row.run, reverse=True):
        key, name = cases.question(row), names[row.contestant, row.subject]
        line = found.setdefault(key, Line())
        if name in line.rows:
            other = _other_flags(row, line.rows[name])
            line = found.setdefault((*key, *other.items()), Line(flags=other))
        line.rows[name] = row
    return sorted(found.values(), key=lambda line: _place(line.any))


def _other_flags(row: Row, newer: Row) -> dict[str, Any]:
    known = cases.flags(newer)
    return {name: value for name, value in cases.flags(row).items() if known.get(name) != value}


def _place(row: Row) -> tuple[Any, ...]:
    place = ORDER.index(row.bench) if row.bench in ORDER else len(ORDER)
    numbers = [v for v in cases.asked(row).values() if isinstance(v, int | float)]
    return (place, row.bench, row.metric, numbers)
