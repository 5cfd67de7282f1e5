"""Tables in Markdown from results/engine.jsonl: README's, and results/ENGINE.md with every case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tools import paths
from tools.bench import cases, energy, loading, meaning, overlap, words
from tools.bench.aims import all_aims, judged, unmeasured
from tools.bench.difference import Verdict
from tools.bench.groups import OURS, Group, Line, group
from tools.bench.headline import (
    COLUMNS,
    MARKED,
    Column,
    Match,
    answer,
    clear,
    count,
    losses,
    matches,
)
from tools.bench.rows import RESULTS, Row, read

PAGE = paths.ROOT / "results" / "ENGINE.md"
_NONE = "No row has been measured yet."
_HEAD = """# The engine, measured

Written by `python dev.py tables` from `results/engine.jsonl`, to which `python dev.py bench MODEL`
appends: the newest row of every case. `python dev.py bench --report results/engine.jsonl FOLDER`
draws the same rows.
"""


def rows() -> list[Row]:
    """The rows of results/engine.jsonl; none where the file is absent."""
    return read(RESULTS) if RESULTS.is_file() else []


def readme_table() -> str:
    """A line per model, mode and device: the headline numbers and how they compare."""
    found = rows()
    groups = [g for g in group(found) if any(answer(g, column) for column in COLUMNS)]
    if not groups:
        return _NONE
    titles = ["model", *(column.title for column in COLUMNS)]
    parts = []
    for device in dict.fromkeys(g.device for g in groups):
        here = [g for g in groups if g.device == device]
        parts += [f"On {device}:", _table(titles, _headlines(here))]
        parts.append(_table(["aimed at", "reached", "missed"], _aims(here)))
    return "\n\n".join([*parts, *_sums(groups, found)])


def _headlines(groups: Sequence[Group]) -> Iterator[list[str]]:
    for part in groups:
        lines = ((answer(part, column), column) for column in COLUMNS)
        yield [part.title, *(_headline(line, column) if line else "" for line, column in lines)]


def _aims(groups: Sequence[Group]) -> Iterator[list[str]]:
    """Where each aim was reached, and where not."""
    for aim in all_aims():
        found = list(judged(aim, groups))
        reached = "; ".join(f"{j.group.title}: {j.found}" for j in found if j.reached)
        missed = [f"{j.group.title}: {j.found}" for j in found if not j.reached]
        if found:
            missed += [f"{name}: not measured" for name in unmeasured(aim, found)]
        yield [str(aim), reached if found else "not measured", "; ".join(missed)]


def _headline(line: Line, column: Column) -> str:
    """Ours and, for a speed, how many times as good it is; without ours, whoever answered."""
    if OURS not in line.rows:
        return ", ".join(f"{name} {words.median(row)}" for name, row in line.rows.items())
    found = matches(line) if column.speed else []
    said = [_bold(str(match), match) for match in found if match.times is not None]
    if column.extremes and (ends := words.extremes(line.rows[OURS])):
        said.insert(0, ends)
    return words.median(line.rows[OURS]) + (f" ({', '.join(said)})" if said else "")


def _sums(groups: Sequence[Group], found: Sequence[Row]) -> Iterator[str]:
    lost = list(losses(groups))
    yield (
        f"{MARKED} Of {count(groups)} comparisons with other contestants ours loses {len(lost)}, "
        f"{clear(lost)} of them by more than the spread."
    )
    lines = filter(None, (answer(part, column) for part in groups for column in COLUMNS))
    shown = [row for line in lines for row in line.rows.values()]
    yield from loading.sentences(shown)
    if any(map(cases.is_short, shown)):
        yield meaning.SHORT
    if failed := cases.failures(found):
        yield "Failed: " + "; ".join(map(failure, failed)) + "."


def failure(row: Row) -> str:
    """A failed row in one line."""
    return f"{row.subject}, {row.contestant}, {cases.label(row)}: {row.error or 'no reason given'}"


def page() -> str:
    """results/ENGINE.md: a table per group, then what failed."""
    found = rows()
    failed = [f"* {failure(row)}" for row in cases.failures(found)]
    said = (*loading.sentences(cases.newest(found)), *meaning.METHOD, *overlap.sentences(found))
    method = [f"* {sentence}" for sentence in said]
    parts = [_HEAD, *method, "", *(map(_section, group(found)) if found else [f"{_NONE}\n"])]
    return "\n".join(parts + (["## Failed\n", *failed, ""] if failed else []))


def _section(part: Group) -> str:
    titles = ["what", *part.contestants, *(f"x {n}" for n in part.contestants if n != OURS)]
    titles += [energy.TITLE] if energy.is_told(part) else []
    title = f"## {part.title}, on {part.device}\n"
    return "\n".join([title, *_provenance(part), _table(titles, _lines(part)), f"\n{part.note}\n"])


def _provenance(part: Group) -> Iterator[str]:
    """Of each contestant: when and with what its rows were measured, and what served it."""
    for name in part.contestants:
        seen = [line.rows[name] for line in part.lines if name in line.rows]
        commits = ", ".join(dict.fromkeys((row.commit or "unknown")[:12] for row in seen))
        row = seen[0]
        checkpoint = f" of {row.subject}" if row.subject != part.subject else ""
        facts = [f"{key} {value}" for key, value in row.versions.items() if value]
        facts.append(f"driver {row.device.get('driver') or 'unknown'}")
        if asked := row.settings.get("implementations"):
            facts.append(f"asked for {asked}")
        served = [f"{n} x {i}" for by in (row.served_by or {}).values() for i, n in by.items()]
        yield f"* {name}{checkpoint}: {row.run}, commit {commits}; {', '.join(facts + served)}"
        if longest := cases.longest(seen):
            yield f"  * longest kernels of a step: {', '.join(map(words.kernel, longest))}"
    yield ""


def _lines(part: Group) -> Iterator[list[str]]:
    peers = [name for name in part.contestants if name != OURS]
    for line in part.lines:
        found = {match.peer: match for match in matches(line)}
        yield [
            line.label,
            *(_cell(line.rows.get(name)) for name in part.contestants),
            *(_bold(found[peer].number, found[peer]) if peer in found else "" for peer in peers),
            *([energy.said(line)] if energy.is_told(part) else []),
        ]


def _cell(row: Row | None) -> str:
    return "" if row is None else f"{words.median(row)} ({words.spread(row)})"


def _bold(text: str, match: Match) -> str:
    """Losses by more than the spread stand out."""
    return f"**{text}**" if match.verdict is Verdict.WORSE else text


def _table(titles: Sequence[str], lines: Iterator[list[str]]) -> str:
    head = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    body = (f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
    return "\n".join([*head, *body])


def write() -> None:
    """Bring results/ENGINE.md up to date."""
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
