"""The terminal's table: a line per question, and a column per contestant where they fit."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.bench import words
from tools.bench.difference import Verdict
from tools.bench.groups import OURS, Group, Line
from tools.bench.headline import MARKED, Match, matches

_ENDLESS = 10_000  # columns: how wide a table would be if it could
# How ours against a peer is written, by what may be said of it.
LOOKS = {
    Verdict.BETTER: "[green]{}[/]",
    Verdict.WORSE: "[red]{}[/]",
    Verdict.WITHIN: "[dim]{}[/]",
    Verdict.FEW: "[dim]{}[/]",
    Verdict.OTHER: "{}",
}


def table(group: Group, console: Console) -> Table:
    """The medians and spreads of a group, and how many times as good ours is."""
    made = _wide(group)
    endless = console.options.update(max_width=_ENDLESS)
    fits = console.measure(made, options=endless).maximum <= console.width
    return made if fits else _tall(group)


def _empty(group: Group, peers: list[str]) -> Table:
    title = escape(f"{group.title} on {group.device}")
    caption = escape(" ".join(filter(None, [group.note, MARKED if peers else ""])))
    made = Table(title=title, caption=caption, box=box.SIMPLE_HEAD, title_justify="left")
    made.caption_justify = "left"
    made.add_column("", overflow="fold")
    return made


def _wide(group: Group) -> Table:
    peers = [name for name in group.contestants if name != OURS]
    made = _empty(group, peers)
    for name in [*group.contestants, *(f"x {peer}" for peer in peers)]:
        made.add_column(escape(name), justify="right")
    for line in group.lines:
        found = {match.peer: match for match in matches(line)}
        cells = (_cell(line, name) for name in group.contestants)
        made.add_row(escape(line.label), *cells, *(_times(found.get(peer)) for peer in peers))
    return made


def _tall(group: Group) -> Table:
    """A line per contestant too."""
    made = _empty(group, [name for name in group.contestants if name != OURS])
    made.add_column("", overflow="fold")
    for name in ("median", "spread", "x"):
        made.add_column(name, justify="right", no_wrap=True)
    for line in group.lines:
        for label, cells in zip(_once(line.label), _contestants(group, line), strict=False):
            made.add_row(escape(label), *cells)
    return made


def _once(label: str) -> Iterator[str]:
    yield label
    while True:
        yield ""


def _contestants(group: Group, line: Line) -> Iterator[tuple[str, ...]]:
    found = {match.peer: match for match in matches(line)}
    for name in group.contestants:
        if (row := line.rows.get(name)) is not None:
            said = (words.median(row), words.span(row))
            yield (escape(name), *map(escape, said), _times(found.get(name)))


def _cell(line: Line, name: str) -> str:
    row = line.rows.get(name)
    if row is None:
        return ""
    return (
        f"{words.median(row)}\n[dim]{words.span(row)}[/]" if words.span(row) else words.median(row)
    )


def _times(match: Match | None) -> str:
    if match is None or match.times is None:
        return ""
    return LOOKS[match.verdict].format(match.number)
