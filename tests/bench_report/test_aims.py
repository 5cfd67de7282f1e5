"""What was aimed at, judged by made-up rows."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.bench_report import made_up
from tests.bench_report.conftest import Reader
from tools import paths
from tools.bench import aims, markdown
from tools.bench.groups import Group, group
from tools.bench.headline import Column

W4, OTHER = "qwen2.5-7b-gptq-int4", "deepseek-r1-distill-qwen-14b-awq"
SHARE: dict[str, Any] = {
    "bench": "step",
    "metric": "host_share",
    "unit": "1",
    "better": "lower",
    "samples": [0.25] * 3,
}


def shown(groups: list[Group]) -> dict[str, tuple[str, str]]:
    """aim -> where it was reached, and where missed."""
    return {aim: (reached, missed) for aim, reached, missed in markdown._aims(groups)}


def rows(speed: float, **more: Any) -> list[dict[str, Any]]:
    """Ours at `speed` times each peer."""
    ours = made_up.row(subject=W4, samples=[100 * speed] * 3, **more)
    peers = [
        made_up.row(subject=of, contestant=name, samples=[100.0] * 3, **more)
        for name, of in (("upstream-w4", W4), ("fp16", "qwen2.5-7b"), ("fp16-torch", "qwen2.5-7b"))
    ]
    return [ours, *peers]


def test_reached_and_missed(reader: Reader) -> None:
    found = shown(group(reader(rows(3.0))))
    lacks = f"{OTHER}: not measured"
    assert found["1 stream >= 4x upstream-w4"] == ("", f"{W4}, graph: 3.00; {lacks}")
    assert found["1 stream >= 2.2x fp16-torch"] == (f"{W4}, graph: 3.00", lacks)
    assert found["1 stream >= 2.2x fp16"] == (f"{W4}, graph: 3.00", lacks)
    assert found["host share (lower bound) <= 25%"] == ("not measured", "")


@pytest.mark.parametrize(("speed", "reached"), [(4.0, True), (3.99, False)])
def test_the_aim_itself_is_reached(reader: Reader, speed: float, reached: bool) -> None:
    found = shown(group(reader(rows(speed))))["1 stream >= 4x upstream-w4"]
    assert [f"{W4}, graph" in said for said in found] == [reached, not reached]


def test_bounds_without_a_peer(reader: Reader) -> None:
    slow = {**SHARE, "subject": "b", "samples": [0.251] * 3}
    eager = {**SHARE, "subject": "c", "settings": {"mode": "eager"}}
    found = shown(group(reader([made_up.row(**row) for row in (SHARE, slow, eager)])))
    assert found["host share (lower bound) <= 25%"] == (
        "made-up-7b-w4, graph: 25%",
        "b, graph: 25.1%",
    )


def test_only_a_start_that_is_known_to_be_warm_counts(reader: Reader) -> None:
    start: dict[str, Any] = {"bench": "startup", "metric": "startup", "unit": "s", "samples": [9.0]}
    start |= {"better": "lower", "parameters": {"includes": "import of torch"}}
    for cold, said in (
        (None, "not measured"),
        (True, "not measured"),
        (False, f"{W4}, graph: 9 s"),
    ):
        found = shown(group(reader([made_up.row(subject=W4, cold=cold, **start)])))
        assert found["start-up, kernels cached <= 30 s"][0] == said


def test_other_models_are_not_held_to_it(reader: Reader) -> None:
    others = [{**row, "subject": "another"} for row in rows(3.0)]
    found = shown(group(reader(others)))
    assert found["1 stream >= 4x upstream-w4"] == ("not measured", "")


def test_entries_name_what_there_is(session: Any) -> None:
    file = paths.ROOT / "shims/src/vllm_gfx/bench/geometry/models.yaml"
    models = yaml.safe_load(file.read_text("utf-8")).values()
    known = {name for model in models for name in model["checkpoints"]}
    measured = {(row.bench, row.metric) for row in session}
    for aim in aims.all_aims():
        assert set(aim.models) <= known
        assert (aim.column.bench, aim.column.metric) in measured
        assert (aim.least is None) != (aim.most is None)


def test_least_without_a_peer() -> None:
    aim = aims.Aim(Column("speed", "decode", "decode"), least=10, unit="tok/s")
    assert str(aim) == "speed >= 10 tok/s" and aim.reached_by(10) and not aim.reached_by(9.9)


def test_readme_shows_them_by_device(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(markdown, "RESULTS", made_up.write(tmp_path / "e.jsonl", rows(5.0)))
    assert (
        f"| 1 stream >= 4x upstream-w4 | {W4}, graph: 5.00 | {OTHER}: not measured |"
        in markdown.readme_table()
    )
