"""The tables in Markdown: README's and results/ENGINE.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bench_report import made_up
from tools.bench import markdown, meaning

NONE = "No row has been measured yet."


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(markdown, "RESULTS", tmp_path / "engine.jsonl")
    return tmp_path / "engine.jsonl"


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_ours_the_ratios_and_the_losses_are_there(results: Path) -> None:
    made_up.write(results, made_up.session())
    head, _, only, *_ = lines(markdown.readme_table())
    cells = dict(zip(head.strip("| ").split(" | "), only.strip("| ").split(" | "), strict=True))
    assert cells["model"] == "made-up-7b-w4, graph"
    assert cells["1 stream"] == "109 tok/s (3.94x upstream-w4, 2.22x fp16)"
    assert cells["of the bandwidth"] == "70.2%"  # no speed: ENGINE.md compares it
    assert cells["first token, 2048"].startswith("290 ms (0.99x upstream-w4 ~, ")
    assert cells["start-up"] == "21.3 s (20.9..35 s)"  # the first start is not hidden
    assert meaning.SHORT not in markdown.readme_table()
    assert "ours loses 9, 1 of them by more than the spread." in markdown.readme_table()


def test_a_start_that_leaves_something_out_says_so(results: Path) -> None:
    start: dict[str, Any] = {"bench": "startup", "metric": "startup", "unit": "s", "cold": False}
    start |= {"better": "lower", "parameters": {}, "samples": [36.0, 18.0, 19.0]}
    made_up.write(results, [made_up.row(subject="qwen2.5-7b-gptq-int4", **start)])
    readme, page = markdown.readme_table(), markdown.page()
    assert "| 19 s * (18..36 s) |" in readme and "graph: 19 s * (18..36 s) |" in readme
    assert f"\n\n{meaning.SHORT}" in readme
    assert "| 19 s * (" in page and "best 18, worst 36, n=3)" in page and meaning.SHORT in page
    start["parameters"] = {"includes": "import of torch"}
    whole = made_up.row(subject="qwen2.5-7b-gptq-int4", **start)
    first = made_up.row(subject="qwen2.5-7b-gptq-int4", **start | {"cold": True, "parameters": {}})
    made_up.write(results, [whole, first])
    readme, page = markdown.readme_table(), markdown.page()
    assert " * " not in readme and meaning.SHORT not in readme, "no first start in this table"
    assert " * " in page


def test_random_weights_are_said_where_rows_have_them(results: Path) -> None:
    """A start then reads no checkpoint, whatever it says."""

    def start(load_format: str, **more: Any) -> dict[str, Any]:
        about: dict[str, Any] = {"bench": "startup", "metric": "startup", "unit": "s"}
        settings = {"mode": "graph", "load_format": load_format}
        return made_up.row(**about, cold=False, better="lower", settings=settings, **more)

    def said(*found: dict[str, Any]) -> list[str]:
        made_up.write(results, found)
        both = f"{markdown.readme_table()}\n{markdown.page()}".splitlines()
        lines = [line.removeprefix("* ") for line in both if "Random weights" in line]
        assert all("nothing is read from disk: start-up" in line for line in lines)
        return [line.partition(";")[0] for line in lines]

    random, real = start("dummy"), start("auto", subject="real")
    assert said(random) == ["Random weights (`--load-format dummy`)"] * 2
    of = "Random weights (`--load-format dummy`) in rows of made-up-7b-w4"
    assert said(random, real) == [of] * 2
    assert said(real) == said(made_up.row(), made_up.failed()) == []
    both = said(random, {**start("auto"), "run": made_up.NEW})
    assert len(both) == 1, "README shows the newer one alone"
    assert "| startup, warm, load format dummy |" in markdown.page()


def test_every_device_has_a_table(results: Path) -> None:
    other = {**made_up.DEVICE, "name": "Another"}
    made_up.write(results, [made_up.row(), made_up.row(device=other)])
    text = markdown.readme_table()
    assert "On Made-up GPU, gfx0:" in text and "On Another, gfx0:" in text
    assert text.count("| model |") == text.count("| aimed at |") == 2


def test_without_ours_the_others_are_named(results: Path) -> None:
    made_up.write(results, [made_up.row(contestant="fp16"), made_up.row(contestant="b")])
    assert "| fp16 100 tok/s, b 100 tok/s |" in markdown.readme_table()


def test_failures_are_said(results: Path) -> None:
    made_up.write(results, [made_up.row(), made_up.failed(contestant="fp16")])
    said = "made-up-7b-w4, fp16, startup: exit code 1: made-up failure"
    assert f"Failed: {said}." in markdown.readme_table()
    assert f"## Failed\n\n* {said}\n" in markdown.page()


@pytest.mark.parametrize("rows", [None, [made_up.row(bench="memory", metric="peak")]])
def test_nothing_to_say_is_said(rows: list[dict[str, Any]] | None, results: Path) -> None:
    if rows:
        made_up.write(results, rows)
    assert markdown.readme_table() == NONE
    assert (NONE in markdown.page()) == (not rows)


def test_the_page_has_every_newest_row(results: Path) -> None:
    rows = made_up.session()
    made_up.write(results, [made_up.row(samples=[1.0], run="2025"), *rows])
    text = markdown.page()
    assert len(lines(text)) - 2 == len(rows) / 3  # a line for three contestants
    assert "fp16 of made-up-7b: 2026-01-01" in text and "28 x MadeUpLinear" in text
    assert "| 1 tok/s" not in text
    assert "longest kernels of a step: 28 x made_up_14.3 (0.5 ms)" in text


def test_the_page_says_how_it_was_measured(results: Path) -> None:
    made_up.write(results, [made_up.row()])
    said = [line.removeprefix("* ") for line in markdown.page().splitlines()]
    assert set(meaning.METHOD) <= set(said)
    assert any(line.startswith("`memory: peak` is what torch reserved") for line in said)


def test_energy_is_that_of_a_run_where_a_driver_told_it(results: Path) -> None:
    """Rows that lack it, as without AMD's library, have no column of it."""
    told, peer = made_up.row(energy_j=30.0), made_up.row(contestant="fp16", energy_j=72.3)
    made_up.write(results, [told, peer, made_up.row(bench="ttft", metric="ttft", unit="s")])
    head, _, decode, ttft = lines(markdown.page())
    assert head.endswith("| x fp16 | J a run |")
    assert decode.endswith("| gfx 10, fp16 24.1 |") and ttft.endswith("|  |  |")
    made_up.write(results, [made_up.row(), made_up.row(contestant="fp16")])
    assert "J a run |" not in markdown.page()


def test_energy_is_said_once(results: Path) -> None:
    """Older rows repeat that of the same runs."""
    metrics = ("throughput", "throughput_with_prefill")
    rows = [made_up.row(bench="throughput", metric=m, energy_j=30.0) for m in metrics]
    tpot = made_up.row(bench="tpot", metric="tpot", unit="s", energy_j=30.0)
    made_up.write(results, [*rows, tpot])
    assert [line.endswith("| gfx 10 |") for line in lines(markdown.page())[2:]] == [0, 0, 1]


def test_invocations_side_by_side_are_said(results: Path) -> None:
    twins = [made_up.row(contestant="fp16", subject=name) for name in ("c", "d")]
    here = [made_up.row(subject=name) for name in ("a", "b")]
    later = [made_up.row(subject=name, run=f"{made_up.NEW}{name}") for name in ("a", "b")]
    said = f"* {made_up.OLD} is the stamp of 2 invocations that began in the same second"
    made_up.write(results, [*here, *twins])
    assert f"{said} and ran side by side: a, b." in markdown.page()
    made_up.write(results, [here[0], twins[0], *later])
    assert "side by side" not in markdown.page()


def test_a_cell_cannot_end_a_table(results: Path) -> None:
    made_up.write(results, [made_up.row(subject="a|b")])
    assert {line.count("|") for line in lines(markdown.readme_table())[:3]} == {8}


def test_the_page_is_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert markdown.PAGE.read_text("utf-8") == markdown.page(), "run: python dev.py tables"
