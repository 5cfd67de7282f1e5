"""The plots: axes, units, error bars, colours, what is drawn and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.image import imread

from tests.bench_report import made_up
from tests.bench_report.conftest import Reader
from tools.bench import plots
from tools.bench.groups import Group, group
from tools.bench.plots import bars, lines, roofline, style
from tools.bench.rows import Row

# stem -> the units that must stand at the axes, and the scale of x
AXES = {
    "throughput": (("streams", "tokens/s"), "log"),
    "ttft": (("tokens", "ms"), "log"),
    "tpot": (("streams", "ms"), "log"),
    "roofline": (("tokens/s", "GB/s"), "log"),
    "step": (("ms",), "linear"),
    "ablate": (("ms",), "linear"),
}


@pytest.fixture(scope="module")
def groups(session: list[Row]) -> list[Group]:
    return group(session)


@pytest.fixture(scope="module")
def drawn(groups: list[Group], tmp_path_factory: pytest.TempPathFactory) -> list[plots.Plot]:
    return plots.draw(groups, tmp_path_factory.mktemp("plots"))


def figure_of(stem: str, groups: list[Group]) -> Figure:
    figure = plots.PLOTS[stem][1](groups)
    assert figure is not None
    return figure


def test_every_plot_is_a_png_with_something_in_it(drawn: list[plots.Plot]) -> None:
    names = [plot.png.name for plot in drawn]
    assert names == [f"{stem}-made-up-gpu-gfx0.png" for stem in plots.PLOTS]
    for plot in drawn:
        pixels = imread(plot.png)
        assert pixels.shape[1] == round(style.WIDTH * style.DPI)
        assert 0.01 < (pixels[..., :3].min(axis=2) < 0.9).mean() < 0.6, plot.png.name
        assert plot.svg.startswith("<?xml") and plot.svg.rstrip().endswith("</svg>")


@pytest.mark.parametrize("stem", plots.PLOTS)
def test_axes_are_labelled_with_units(stem: str, groups: list[Group]) -> None:
    units, scale = AXES[stem]
    for panel in figure_of(stem, groups).axes:
        labels = f"{panel.get_xlabel()} {panel.get_ylabel()}"
        assert all(unit in labels for unit in units), labels
        assert panel.get_xscale() == scale
        assert panel.get_title() == "made-up-7b-w4, graph"


@pytest.mark.parametrize("stem", plots.PLOTS)
def test_whiskers_are_the_spread(stem: str, groups: list[Group]) -> None:
    for panel in figure_of(stem, groups).axes:
        found = [c for c in panel.containers if isinstance(c, ErrorbarContainer)]
        assert any(container.has_xerr or container.has_yerr for container in found)


def test_whiskers_reach_from_the_10th_to_the_90th_percentile(reader: Reader) -> None:
    (row,) = reader([made_up.row(samples=[90.0, 100.0, 101.0, 102.0, 120.0])])
    below, above = style.error([row], scale=2.0)
    assert row.value == 101 and row.spread is not None
    assert (below, above) == ([2 * (101 - row.spread[0])], [2 * (row.spread[1] - 101)])


def test_contestants_differ_by_more_than_colour() -> None:
    looks = style.looks(["fp16", "gfx", "a", "b", "c", "d"])
    assert looks["gfx"] == 0 and len(set(looks.values())) == len(looks) == 7
    for kinds in (style.COLOURS, style.MARKERS, style.HATCHES):
        assert len({kinds[look] for look in looks.values()}) == 7
    assert style.looks(["fp16"])["fp16"] == looks["fp16"]  # with others or without


@pytest.mark.parametrize("stem", plots.PLOTS)
def test_the_legend_names_every_colour(stem: str, groups: list[Group]) -> None:
    """A step's bars are named at the axis: their colours are parts of it."""
    others = {"roofline": {"ceiling"}, "step": {"in kernels", "beside kernels"}}.get(stem, set())
    names = set() if stem == "step" else set(made_up.SPEEDS)
    (legend,) = figure_of(stem, groups).legends
    assert {text.get_text() for text in legend.get_texts()} == names | others


def test_colours_are_told_apart_in_grey_or_without_red_or_green() -> None:
    """The first three, seen by a person without the long or the middle cones (Vienot 1999)."""
    for mixed in (_grey, _without_red, _without_green):
        seen = [mixed(colour) for colour in style.COLOURS[:3]]
        for i, one in enumerate(seen):
            for other in seen[i + 1 :]:
                assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.05


def test_lines_pass_through_the_medians(groups: list[Group]) -> None:
    (panel,) = figure_of("ttft", groups).axes
    found = (c for c in panel.containers if isinstance(c, ErrorbarContainer))
    line = next(c for c in found if c.get_label() == "gfx").lines[0]
    wanted = [(r.parameters["prompt"], r.value) for n, r in groups[0].rows("ttft") if n == "gfx"]
    points: Any = line.get_xydata()
    assert [x for x, _ in points] == [x for x, _ in wanted]
    assert [y for _, y in points] == pytest.approx([1e3 * (y or 0) for _, y in wanted])


def test_the_ceiling_is_the_measured_bandwidth_by_the_bytes(groups: list[Group]) -> None:
    for point in roofline.points(groups[0]):
        speed, size, _ = made_up.SPEEDS[point.contestant]
        assert point.ceiling == pytest.approx(800 / size)
        assert point.ceiling * point.share == pytest.approx(speed, rel=0.02)


def test_nothing_to_draw_is_no_plot(reader: Reader, tmp_path: Path) -> None:
    """A missing metric, bytes or bandwidth leaves the plot out, and the others stay."""
    no_bytes: dict[str, Any] = {"bench": "roofline", "metric": "roofline", "unit": "1"}
    step = {"bench": "step", "metric": "step", "unit": "ms"}  # without the kernels' time
    unknown = {**no_bytes, "parameters": {"bytes": 5e9}}
    rows = [made_up.row(), made_up.row(**no_bytes), made_up.row(**step)]
    rows.append(made_up.row(**unknown, device={**made_up.DEVICE, "copy_gb_s": None}))
    groups = group(reader([*rows, made_up.failed()]))
    for drawing in (roofline.draw, bars.step, bars.ablation, lines.ttft):
        assert drawing(groups) is None
    assert plots.draw(groups, tmp_path) == [] and not list(tmp_path.glob("*.png"))


def test_one_contestant_and_one_sample_are_drawn(reader: Reader, tmp_path: Path) -> None:
    one = {"bench": "throughput", "metric": "throughput", "samples": [100.0]}
    (plot,) = plots.draw(group(reader([made_up.row(**one)])), tmp_path)
    assert plot.png.is_file()


def test_every_device_has_its_own_files(reader: Reader, tmp_path: Path) -> None:
    some = {"bench": "throughput", "metric": "throughput"}
    other = {**made_up.DEVICE, "name": "Another GPU (2)"}
    found = plots.draw(
        group(reader([made_up.row(**some), made_up.row(**some, device=other)])), tmp_path
    )
    assert [plot.png.name for plot in found] == [
        "throughput-made-up-gpu-gfx0.png",
        "throughput-another-gpu-2-gfx0.png",
    ]


def test_the_same_rows_give_the_same_bytes(reader: Reader, tmp_path: Path) -> None:
    groups = group(reader([made_up.row(bench="throughput", metric="throughput")]))
    (first,), (second,) = (plots.draw(groups, _made(tmp_path / name)) for name in "ab")
    assert first.png.read_bytes() == second.png.read_bytes() and first.svg == second.svg


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


Linear = tuple[float, float, float]


def _linear(colour: str) -> Linear:
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return r**2.2, g**2.2, b**2.2


def _grey(colour: str) -> Linear:
    r, g, b = _linear(colour)
    return (0.2126 * r + 0.7152 * g + 0.0722 * b,) * 3


def _without_red(colour: str) -> Linear:
    r, g, b = _linear(colour)
    mixed = 0.11238 * r + 0.88762 * g
    return mixed, mixed, 0.00401 * r - 0.00401 * g + b


def _without_green(colour: str) -> Linear:
    r, g, b = _linear(colour)
    mixed = 0.29275 * r + 0.70725 * g
    return mixed, mixed, -0.02234 * r + 0.02234 * g + b
