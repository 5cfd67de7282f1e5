"""Lines over a parameter: throughput and TPOT over streams, TTFT over prompt length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from tools.bench.groups import Group
from tools.bench.plots import style
from tools.bench.rows import Row

HEIGHT = 3.3

Points = dict[str, list[tuple[float, Row]]]  # contestant -> where on the x axis, and the row


@dataclass(frozen=True)
class Lines:
    """What is drawn: the bench, its parameter on the x axis, the labels, the unit's factor."""

    bench: str
    parameter: str
    x: str
    y: str
    scale: float = 1.0


def throughput(groups: Sequence[Group]) -> Figure | None:
    """Tokens/s of all streams together, while every stream decodes."""
    what = Lines("throughput", "streams", "streams", "output tokens/s, all streams")
    return _figure(groups, what)


def tpot(groups: Sequence[Group]) -> Figure | None:
    """Milliseconds per output token of a stream."""
    return _figure(groups, Lines("tpot", "streams", "streams", "ms per output token", 1e3))


def ttft(groups: Sequence[Group]) -> Figure | None:
    """Milliseconds from a request to its first token."""
    what = Lines("ttft", "prompt", "prompt, tokens", "time to first token, ms", 1e3)
    return _figure(groups, what)


def _figure(groups: Sequence[Group], what: Lines) -> Figure | None:
    found = [(group, _points(group, what)) for group in groups]
    found = [(group, points) for group, points in found if points]
    if not found:
        return None
    figure, panels = style.panels([HEIGHT] * len(found), str(groups[0].device))
    looks = style.looks(name for group in groups for name in group.contestants)
    for panel, (group, points) in zip(panels, found, strict=True):
        for name, places in points.items():
            _line(panel, name, places, what.scale, looks[name])
        _axes(panel, points, what)
        panel.set_title(group.title)
    style.legend(figure)
    return figure


def _points(group: Group, what: Lines) -> Points:
    found: Points = {}
    for name, row in group.rows(what.bench):
        if what.parameter in row.parameters:
            found.setdefault(name, []).append((row.parameters[what.parameter], row))
    return {name: sorted(places, key=lambda place: place[0]) for name, places in found.items()}


def _line(panel: Axes, name: str, places: list[tuple[float, Row]], scale: float, look: int) -> None:
    rows = [row for _, row in places]
    panel.errorbar(
        [x for x, _ in places],
        [scale * (row.value or 0.0) for row in rows],
        yerr=style.error(rows, scale),
        capsize=3,
        label=name,
        color=style.COLOURS[look],
        marker=style.MARKERS[look],
        linestyle=style.DASHES[look],
        markersize=5 + 1.5 * look,
        zorder=3 - 0.1 * look,  # ours on top, and smaller: what lies below it is seen
    )


def _axes(panel: Axes, points: Points, what: Lines) -> None:
    panel.set_xscale("log")
    panel.set_yscale("log")
    style.logarithmic(panel.xaxis)
    style.logarithmic(panel.yaxis)
    ticks = sorted({x for places in points.values() for x, _ in places})
    panel.xaxis.set_major_locator(FixedLocator(ticks))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel(what.x)
    panel.set_ylabel(what.y)
