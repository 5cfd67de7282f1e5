"""Bars: where a decode step's time goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tools.bench import words
from tools.bench.groups import Group
from tools.bench.plots import style
from tools.bench.rows import Row

BAR = 0.36  # inches of a bar of `step`
THIN = 0.24  # of `ablate`, where there may be many
FRAME = 0.9  # inches of a panel beside its bars
KERNELS, BESIDE = 0, 4  # places in style.COLOURS and HATCHES
HATCHED = "//"

Step = dict[str, Row]  # metric -> row, of one contestant
Classes = dict[str, dict[str, Row]]  # class of kernels -> contestant -> row


def step(groups: Sequence[Group]) -> Figure | None:
    """Stacked bars: milliseconds of a step in kernels and beside them, in per cent as well."""
    found = [(group, _steps(group)) for group in groups]
    found = [(group, steps) for group, steps in found if steps]
    if not found:
        return None
    heights = [FRAME + BAR * len(steps) for _, steps in found]
    figure, panels = style.panels(heights, str(groups[0].device))
    for panel, (group, steps) in zip(panels, found, strict=True):
        for place, rows in enumerate(steps.values()):
            _stack(panel, place, rows)
        style.rows(panel, list(steps))
        panel.set_xlim(0, 1.55 * max(_value(rows["step"]) for rows in steps.values()))
        panel.set_xlabel("ms per decode step of one stream; whisker: 10..90 %")
        panel.set_title(group.title)
    style.legend(figure)
    return figure


def _steps(group: Group) -> dict[str, Step]:
    """The contestants for which both the step's and its kernels' time are known."""
    found: dict[str, Step] = {}
    for metric in ("step", "kernels"):
        for name, row in group.rows("step", metric):
            found.setdefault(name, {})[metric] = row
    return {name: rows for name, rows in found.items() if len(rows) == 2}


def _stack(panel: Axes, place: int, rows: Step) -> None:
    whole, kernels = (_value(rows[metric]) for metric in ("step", "kernels"))
    beside = max(0.0, whole - kernels)
    _bar(panel, place, (0.0, kernels), "in kernels", style.COLOURS[KERNELS], "")
    _bar(panel, place, (kernels, beside), "beside kernels", style.COLOURS[BESIDE], HATCHED)
    error = style.error([rows["step"]])
    panel.errorbar(whole, place, xerr=error, capsize=3, color="black")
    share = f", {beside / whole:.0%} beside" if whole else ""
    style.beside(panel, whole + error[1][0], place, f"{words.number(whole)} ms{share}")


def _bar(
    panel: Axes, place: int, span: tuple[float, float], name: str, colour: str, hatch: str
) -> None:
    start, width = span
    look: dict[str, Any] = {"color": colour, "hatch": hatch, "edgecolor": "white"}
    panel.barh(place, width, 0.7, left=start, label=name, **look)


def _value(row: Row) -> float:
    return row.value or 0.0


def ablation(groups: Sequence[Group]) -> Figure | None:
    """Milliseconds saved per class and contestant, a panel per group; the longest bar on top."""
    found = [(group, _ablated(group)) for group in groups]
    found = [(group, classes) for group, classes in found if classes]
    if not found:
        return None
    heights = [FRAME + THIN * sum(map(len, classes.values())) for _, classes in found]
    figure, panels = style.panels(heights, str(groups[0].device))
    looks = style.looks(name for group in groups for name in group.contestants)
    for panel, (group, classes) in zip(panels, found, strict=True):
        _classes(panel, classes, looks)
        panel.axvline(0, color="0.3", linewidth=1)
        _room(panel, classes)
        panel.set_xlabel("ms that a decode step saves without it; whisker: 10..90 %")
        panel.set_title(group.title)
    style.legend(figure)
    return figure


def _ablated(group: Group) -> Classes:
    """Class -> contestant -> row, by the largest saving."""
    found: Classes = {}
    for name, row in group.rows("ablate"):
        found.setdefault(str(row.parameters.get("without")), {})[name] = row
    return dict(sorted(found.items(), key=lambda item: -max(map(_value, item[1].values()))))


def _classes(panel: Axes, classes: Classes, looks: dict[str, int]) -> None:
    names = list(dict.fromkeys(name for part in classes.values() for name in part))
    thick = 0.8 / len(names)
    for place, part in enumerate(classes.values()):
        for name, row in part.items():
            at = place + (names.index(name) - (len(names) - 1) / 2) * thick
            look = looks[name]
            _bar_of(panel, at, thick, row, name, look)
    style.rows(panel, list(classes))


def _bar_of(panel: Axes, at: float, thick: float, row: Row, name: str, look: int) -> None:
    error = style.error([row])
    dress: dict[str, Any] = {"color": style.COLOURS[look], "hatch": style.HATCHES[look]}
    dress |= {"edgecolor": "white", "label": name}
    panel.barh(at, _value(row), thick, xerr=error, capsize=2, **dress)
    style.beside(panel, max(0.0, _value(row) + error[1][0]), at, f"{_value(row):.2f}")


def _room(panel: Axes, classes: Classes) -> None:
    """For whiskers, for the numbers to the right of them, and for savings below nothing."""
    rows = [row for part in classes.values() for row in part.values()]
    low = min(0.0, *(min([_value(row), *(row.spread or [])]) for row in rows))
    high = max(1e-9, *(max([_value(row), *(row.spread or [])]) for row in rows))
    panel.set_xlim(low - 0.05 * (high - low) * (low < 0), high + 0.15 * (high - low))
