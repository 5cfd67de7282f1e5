"""The plots of a report: one module a kind, `draw` to make them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from tools.bench.cases import Device
from tools.bench.groups import Group
from tools.bench.plots import bars, lines, roofline, style

Drawing = Callable[[Sequence[Group]], Figure | None]

# file stem -> what the plot shows, and what draws it for the groups of one device
PLOTS: dict[str, tuple[str, Drawing]] = {
    "throughput": ("Tokens per second of all streams together", lines.throughput),
    "ttft": ("Time to the first token over the length of the prompt", lines.ttft),
    "tpot": ("Time per output token over the number of streams", lines.tpot),
    "roofline": ("Decode speed against what the memory bandwidth allows", roofline.draw),
    "step": ("A decode step: time in kernels, and time beside them", bars.step),
    "ablate": ("Time that a step saves without one class of kernels", bars.ablation),
}


@dataclass(frozen=True)
class Plot:
    """A drawn plot: the PNG file, and the same as SVG text."""

    title: str
    device: Device
    png: Path
    svg: str


def draw(groups: Sequence[Group], folder: Path) -> list[Plot]:
    """Every plot that `groups` have rows for; the PNG files go into `folder`."""
    plots = []
    for device in dict.fromkeys(group.device for group in groups):
        part = [group for group in groups if group.device == device]
        for stem, (title, drawing) in PLOTS.items():
            png = folder / f"{stem}-{style.slug(str(device))}.png"
            with rc_context(style.TEXT):
                if (figure := drawing(part)) is not None:
                    plots.append(Plot(title, device, png, style.save(figure, png)))
    return plots
