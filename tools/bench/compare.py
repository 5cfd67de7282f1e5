"""`bench --compare A B`: which cases of two files differ by more than their spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from tools import paths
from tools.bench import cases, words
from tools.bench.difference import CHANCE, RULE, Difference, Verdict, between
from tools.bench.groups import Group, group
from tools.bench.rows import Row, read
from tools.console import out
from tools.errors import ToolError

COLOURS = {Verdict.BETTER: "green", Verdict.WORSE: "red", Verdict.FEW: "yellow"}
SHOWN = 3  # of the cases that only one file has


@dataclass(frozen=True)
class Pair:
    """The newest rows of one case in both files."""

    first: Row
    second: Row
    difference: Difference


@dataclass(frozen=True)
class Comparison:
    """`broke`: failures in the second file of what did not fail in the first."""

    pairs: list[Pair]
    only_first: list[Row]
    only_second: list[Row]
    broke: list[Row]

    @property
    def regressions(self) -> int:
        worse = sum(pair.difference.verdict is Verdict.WORSE for pair in self.pairs)
        return worse + len(self.broke)


def compare(first: Sequence[Row], second: Sequence[Row]) -> Comparison:
    """Match the newest rows of two files by case and judge each pair.

    Raises ToolError where the files have no case in common and nothing broke.
    """
    a, b = map(_by_case, (first, second))
    pairs = [Pair(row, b[key], between(row, b[key])) for key, row in a.items() if key in b]
    found = Comparison(
        pairs,
        [row for key, row in a.items() if key not in b],
        [row for key, row in b.items() if key not in a],
        _broke(first, second),
    )
    if not pairs and not found.broke:
        raise ToolError(*_nothing_in_common(first, second))
    return found


def _by_case(rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
    """The newest row of every case, whatever its flags: what they change is worth comparing."""
    ordered = sorted(cases.newest(rows), key=lambda row: row.run)
    return {cases.case(row): row for row in ordered}


def _broke(first: Sequence[Row], second: Sequence[Row]) -> list[Row]:
    failed = cases.failures(first)
    return [row for row in cases.failures(second) if not any(cases.repeats(row, f) for f in failed)]


def _nothing_in_common(first: Sequence[Row], second: Sequence[Row]) -> tuple[str, str]:
    devices = [{str(cases.device(row)) for row in cases.newest(rows)} for rows in (first, second)]
    if not all(devices):
        return "one of the files holds failures only", "its rows say why; measure again"
    if not devices[0] & devices[1]:
        named = " and of ".join(", ".join(sorted(names)) for names in devices)
        return f"the rows are of different devices, of {named}", "compare rows of one device"
    return "no case is in both files", "measure the same model, contestants and mode in both"


def run(first: Path, second: Path, fail_on_regression: bool) -> None:
    """Print the comparison. Raises ToolError for bad files and, if asked to, for a regression."""
    found = compare(read(first), read(second))
    out.print(f"A: {escape(paths.shown(first))}\nB: {escape(paths.shown(second))}")
    for part in group([pair.first for pair in found.pairs]):
        out.print(_table(part, {id(pair.first): pair for pair in found.pairs}))
    for line in _summary(found):
        out.print(escape(line))
    if fail_on_regression and found.regressions:
        raise ToolError(f"{found.regressions} cases got worse", "they are listed above")


def _table(part: Group, pairs: dict[int, Pair]) -> Table:
    """The pairs of one model on one device; `pairs` by the identity of the first row."""
    title = escape(f"{part.title} on {part.device}")
    table = Table(title=title, caption=escape(part.note), box=box.SIMPLE_HEAD)
    table.title_justify = table.caption_justify = "left"
    for name in ("", "A", "B", "change", "B is"):
        table.add_column(name, overflow="fold", justify="right" if name in ("A", "B") else "left")
    for name in part.contestants:
        table.add_row(f"[bold]{escape(name)}[/]")
        for line in part.lines:
            if name in line.rows:
                table.add_row(*_cells(line.label, pairs[id(line.rows[name])]))
    return table


def _cells(label: str, pair: Pair) -> Iterator[str]:
    verdict = pair.difference.verdict
    yield escape(label)
    yield from (_cell(row) for row in (pair.first, pair.second))
    yield words.change(pair.difference.change)
    yield f"[{COLOURS.get(verdict, 'dim')}]{verdict.value}[/]"


def _name(row: Row) -> str:
    about = [row.subject, cases.mode(row), row.contestant, f"on {cases.device(row)}"]
    return f"{' '.join(filter(None, about))}: {cases.label(row)}"


def _cell(row: Row) -> str:
    return "\n".join(filter(None, [words.median(row), f"[dim]{words.span(row)}[/]"]))


def _summary(found: Comparison) -> Iterator[str]:
    counts = Counter(pair.difference.verdict for pair in found.pairs)
    verdicts = ", ".join(f"{counts[v]} {v.value}" for v in Verdict if counts[v])
    yield f"{len(found.pairs)} cases: {verdicts or 'none is in both files'}."
    yield from (f"failed in B: {_name(row)}: {row.error}" for row in found.broke)
    for name, rows in (("A", found.only_first), ("B", found.only_second)):
        if rows:
            more = f", and {len(rows) - SHOWN} more" if rows[SHOWN:] else ""
            yield f"only in {name}: {'; '.join(_name(r) for r in rows[:SHOWN])}{more}"
    yield from _changed(found.pairs)
    yield RULE
    chance = CHANCE * len(found.pairs)
    yield f"By chance alone fewer than {max(chance, 0.1):.1f} of these cases would differ so."


def _changed(pairs: Sequence[Pair]) -> Iterator[str]:
    """What else is not the same in both files, so that no difference is put down to the code."""
    seen: dict[str, dict[str, None]] = {}
    for pair in pairs:
        for name, a, b in _facts(pair.first, pair.second):
            if a != b:
                seen.setdefault(name, {})[f"{a} -> {b}"] = None
    yield from (f"not the same: {name} {', '.join(changes)}" for name, changes in seen.items())


def _facts(a: Row, b: Row) -> Iterator[tuple[str, Any, Any]]:
    yield from (("commit", a.commit, b.commit), ("os", a.os, b.os))
    yield "driver", a.device.get("driver"), b.device.get("driver")
    for old, new in ((a.versions, b.versions), (a.settings, b.settings)):
        yield from ((key, old.get(key), new.get(key)) for key in {**old, **new})
