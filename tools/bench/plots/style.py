"""What all plots share: colours, sizes, error bars, how a figure is saved."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tools.bench import words
from tools.bench.groups import OURS
from tools.bench.rows import Row

# M. Okabe and K. Ito, Color Universal Design: told apart with any colour vision; markers and
# dashes differ as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# How much a logarithmic axis spans at most -> the ticks in each of its decades.
TICKS = (
    (20, (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)),
    (500, (1.0, 2.0, 5.0)),
    (float("inf"), (1.0,)),
)
FIRST = (OURS, "upstream-w4", "fp16")  # look the same in every plot, whoever else is in it
DASHES = ("-", "--", "-.", ":", "-", "--", "-.")
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo")
WIDTH = 6.0  # inches: on a phone, 360 points wide, text of 11 points is still 9 points high
DPI = 160
FRAME = 0.8  # inches for the title and the legend of a figure
TEXT: Any = {  # matplotlib's types name each key
    "font.size": 11,
    "axes.titlesize": 11,
    "legend.fontsize": 10,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.axisbelow": True,
    "hatch.linewidth": 0.7,
    "svg.hashsalt": "vllm-gfx",  # the same rows give the same bytes
}


def panels(heights: Sequence[float], title: str) -> tuple[Figure, list[Axes]]:
    """A figure of panels under each other, each as many inches high as `heights` say."""
    figure = Figure(figsize=(WIDTH, sum(heights) + FRAME), layout="constrained")
    figure.suptitle(title, fontsize=TEXT["font.size"])
    axes = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    return figure, list(axes)


def save(figure: Figure, png: Path) -> str:
    """Write `png` and give the same figure as SVG text, without dates."""
    svg = io.StringIO()
    figure.savefig(png, dpi=DPI, metadata={"Software": None})
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return svg.getvalue()


def looks(names: Iterable[str]) -> dict[str, int]:
    """Contestant -> its place in COLOURS, MARKERS, DASHES and HATCHES; FIRST keep theirs."""
    ordered = list(dict.fromkeys([*FIRST, *names]))
    return {name: i % len(COLOURS) for i, name in enumerate(ordered)}


def error(rows: Sequence[Row], scale: float = 1.0) -> list[list[float]]:
    """What matplotlib draws as error bars: from the median to the 10th and the 90th percentile."""
    sides: list[list[float]] = [[], []]
    for row in rows:
        value = row.value or 0.0
        low, high = row.spread or (value, value)
        sides[0].append(scale * max(0.0, value - low))
        sides[1].append(scale * max(0.0, high - value))
    return sides


def logarithmic(axis: Any) -> None:
    """Plain numbers on a logarithmic axis, more of them the less it spans."""
    low, high = sorted(axis.get_view_interval())
    subs = next(subs for span, subs in TICKS if high < span * low)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: words.number(value)))
    axis.set_minor_formatter(NullFormatter())


def rows(panel: Axes, names: Sequence[str]) -> None:
    """Name the rows of a panel of horizontal bars, the first on top."""
    panel.set_yticks(range(len(names)), names, fontsize=9)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.grid(False, axis="y")


def beside(panel: Axes, x: float, y: float, text: str) -> None:
    """`text` to the right of a point."""
    place: dict[str, Any] = {"textcoords": "offset points", "xytext": (7, 0), "va": "center"}
    panel.annotate(text, (x, y), fontsize=9, **place)


def legend(figure: Figure) -> None:
    """Below all panels, each label once."""
    found = [panel.get_legend_handles_labels() for panel in figure.axes]
    named = {name: h for hs, names in found for h, name in zip(hs, names, strict=True)}
    figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=3)


def slug(text: str) -> str:
    """`text` as part of a file name."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")
