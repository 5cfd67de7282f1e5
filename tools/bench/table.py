"""The terminal's table: a line per question, a column per contestant."""

from __future__ import annotations

from rich import box
from rich.markup import escape
from rich.table import Table

from tools.bench import words
from tools.bench.difference import Verdict
from tools.bench.groups import OURS, Group, Line
from tools.bench.headline import MARKED, Match, matches

# How ours against a peer is written, by what may be said of it.
LOOKS = {
    Verdict.BETTER: "[green]{}[/]",
    Verdict.WORSE: "[red]{}[/]",
    Verdict.WITHIN: "[dim]{}[/]",
    Verdict.FEW: "[dim]{}[/]",
}


def table(group: Group) -> Table:
    """The medians and spreads of a group, and how many times as good ours is."""
    peers = [name for name in group.contestants if name != OURS]
    title = escape(f"{group.title} on {group.device}")
    caption = escape(" ".join(filter(None, [group.note, MARKED if peers else ""])))
    made = Table(title=title, caption=caption, box=box.SIMPLE_HEAD, title_justify="left")
    made.caption_justify = "left"
    made.add_column("", overflow="fold")
    for name in [*group.contestants, *(f"x {peer}" for peer in peers)]:
        made.add_column(escape(name), justify="right")
    for line in group.lines:
        found = {match.peer: match for match in matches(line)}
        cells = (_cell(line, name) for name in group.contestants)
        made.add_row(escape(line.label), *cells, *(_times(found.get(peer)) for peer in peers))
    return made


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
