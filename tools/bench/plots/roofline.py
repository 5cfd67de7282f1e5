"""Decode speed of one stream beside its ceiling: what the measured bandwidth allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tools.bench import words
from tools.bench.groups import Group
from tools.bench.plots import style
from tools.bench.rows import Row

ROW = 0.42  # inches
FRAME = 0.9  # inches of a panel beside its rows


@dataclass(frozen=True)
class Point:
    """The decode of one stream; `copy` is the bandwidth measured in the same run, in GB/s."""

    contestant: str
    gigabytes: float  # that a step must read
    row: Row
    copy: float

    @property
    def ceiling(self) -> float:
        """Tokens/s if a step took as long as reading its bytes."""
        return self.copy / self.gigabytes

    @property
    def read(self) -> str:
        """The bytes in words."""
        return words.quantity(self.gigabytes * 1e9, "byte")

    @property
    def share(self) -> float:
        """Of the ceiling, 0..1."""
        return self.row.value or 0.0


def points(group: Group) -> Iterator[Point]:
    """The rows of `roofline` that say their bytes and the bandwidth of their run."""
    for name, row in group.rows("roofline"):
        size, copy = row.parameters.get("bytes"), row.device.get("copy_gb_s")
        if size and copy and row.value:
            yield Point(name, size / 1e9, row, copy)


def draw(groups: Sequence[Group]) -> Figure | None:
    """A panel per group, a row per contestant: tokens/s, and the ceiling to its right."""
    found = [(group, list(points(group))) for group in groups]
    found = [(group, part) for group, part in found if part]
    if not found:
        return None
    heights = [FRAME + ROW * len(part) for _, part in found]
    figure, panels = style.panels(heights, str(groups[0].device))
    looks = style.looks(name for group in groups for name in group.contestants)
    for panel, (group, part) in zip(panels, found, strict=True):
        for place, point in enumerate(part):
            _row(panel, place, point, looks[point.contestant])
        _axes(panel, part)
        panel.set_title(group.title)
    style.legend(figure)
    return figure


def _row(panel: Axes, place: int, point: Point, look: int) -> None:
    ceiling, rate = point.ceiling, point.ceiling * point.share
    panel.plot([rate, ceiling], [place, place], color="0.75", linewidth=3, zorder=1)
    panel.plot(ceiling, place, "|", color="black", markersize=18, label="ceiling")
    errors = style.error([point.row], ceiling)
    marks: dict[str, Any] = {
        "color": style.COLOURS[look],
        "marker": style.MARKERS[look],
        "markersize": 8,
    }
    panel.errorbar(rate, place, xerr=errors, capsize=3, label=point.contestant, **marks)
    said = f"{words.quantity(point.share, '1')} of {words.number(ceiling)}"
    style.beside(panel, max(ceiling, rate), place, said)


def _axes(panel: Axes, part: Sequence[Point]) -> None:
    style.rows(panel, [f"{p.contestant}\n{p.read} a step" for p in part])
    panel.set_xscale("log")
    rates = [point.ceiling * point.share for point in part]
    first, last = min(rates), max(max(rates), *(p.ceiling for p in part))
    room = max(2.0, last / first) ** 0.5  # for the texts beside the points
    panel.set_xlim(first / room**0.4, last * room)
    style.logarithmic(panel.xaxis)
    copies = sorted(point.copy for point in part)
    span = dict.fromkeys(words.number(copy) for copy in (copies[0], copies[-1]))
    panel.set_xlabel(f"tokens/s of one stream; ceiling: its bytes at {'..'.join(span)} GB/s")
