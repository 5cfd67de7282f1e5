"""The joules of rows whose driver tells them, as tables show them."""

from __future__ import annotations

from tools.bench import words
from tools.bench.groups import Group, Line
from tools.bench.rows import Row

TITLE = "J a run"
MEANING = (
    f"{TITLE}: what the device took in one run, prefill included, as its driver counts; a run "
    "gives one sample. It stands once for runs that give several metrics, with "
    "`throughput_with_prefill`. An AMD card's driver is asked through the `amdsmi` package, which "
    "we do not install and Windows does not have: without it rows have no energy."
)


def of(row: Row) -> str:
    """Empty where the driver did not tell."""
    return "" if row.energy_j is None else words.number(row.energy_j / len(row.samples or [0]))


def said(line: Line) -> str:
    """What each contestant took."""
    told = ((name, of(row)) for name, row in line.rows.items())
    return ", ".join(f"{name} {joules}" for name, joules in told if joules)


def is_told(group: Group) -> bool:
    """Whether any driver told it."""
    return any(map(said, group.lines))
