"""Bars of the share of copy bandwidth, per layer and contestant, a panel per number of rows."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gfx_bench.contestants import OURS
from gfx_bench.errors import BenchError


def need() -> None:
    """Raises BenchError where plots cannot be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise BenchError("--plot needs matplotlib; install it, or plot the rows elsewhere: --read")


def draw(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """Draw `rows` of one op, as the results have them, into `file` (.png, .svg, .pdf)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    by_rows: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_rows.setdefault(row["m"], []).append(row)
    widest = max(map(len, by_rows.values()))
    size = (max(8, 0.45 * widest), 4 * len(by_rows))
    figure, panels = pyplot.subplots(len(by_rows), 1, figsize=size, squeeze=False)
    for panel, (m, part) in zip(panels[:, 0], sorted(by_rows.items()), strict=True):
        _bars(panel, part)
        panel.set_title(f"{part[0]['op']}, M = {m}, {part[0]['device']}")
    handles, labels = max((p.get_legend_handles_labels() for p in panels[:, 0]), key=_count)
    figure.legend(handles, labels, loc="upper center", ncols=len(labels))
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.35 / size[1]))
    figure.savefig(file)
    pyplot.close(figure)


def _bars(panel: Any, rows: Sequence[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(c["name"] for row in rows for c in row["contestants"]))
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        shares = [_share(row, name) for row in rows]
        places = [p + (i - len(names) / 2 + 0.5) * width for p in range(len(rows))]
        colour = {"color": "black"} if name == OURS else {}
        panel.bar(places, shares, width, label=name, **colour)
    panel.set_xticks(range(len(rows)))
    labels = [row.get("layer") or row["case"] for row in rows]
    panel.set_xticklabels(labels, rotation=60, ha="right", fontsize=7)
    panel.set_ylabel("% of copy bandwidth")


def _count(legend: tuple[list[Any], list[str]]) -> int:
    return len(legend[1])


def _share(row: dict[str, Any], name: str) -> float:
    found = (c["share_of_copy"] for c in row["contestants"] if c["name"] == name)
    return 100 * next(found, 0.0)
