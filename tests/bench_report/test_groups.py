"""Which rows count, and which stand beside each other."""

from __future__ import annotations

from typing import Any

from tests.bench_report import made_up
from tests.bench_report.conftest import Reader
from tools.bench import cases
from tools.bench.groups import group
from tools.bench.headline import COLUMNS, answer, count, losses, matches
from tools.bench.rows import Row

GPU2 = {**made_up.DEVICE, "name": "Made-up GPU 2"}


def values(rows: list[Row]) -> list[float | None]:
    return [row.value for row in rows]


def test_the_newest_row_of_a_case_counts_wherever_it_stands(reader: Reader) -> None:
    new, old = made_up.row(samples=[2.0], run=made_up.NEW), made_up.row(samples=[1.0])
    assert values(cases.newest(reader([new, old]))) == values(cases.newest(reader([old, new])))
    assert values(cases.newest(reader([new, old]))) == [2.0]
    assert values(cases.newest(reader([old, made_up.row(samples=[3.0])]))) == [3.0]


def test_a_start_that_counts_more_replaces_none_that_counts_less(reader: Reader) -> None:
    start: dict[str, Any] = {"bench": "startup", "metric": "startup", "cold": False}
    more = {"includes": "import of torch"}
    rows = reader([made_up.row(**start, parameters=of) for of in ({}, more)])
    assert cases.newest(rows) == rows and [cases.is_short(row) for row in rows] == [True, False]


def test_an_engine_with_other_flags_replaces_none(reader: Reader) -> None:
    settings = [{"mode": "graph", "dtype": "float16", "max_model_len": n} for n in (4096, 9000)]
    old, new = (
        made_up.row(settings=of, run=run, samples=[value] * 3)
        for of, run, value in zip(settings, (made_up.OLD, made_up.NEW), (1.0, 2.0), strict=True)
    )
    newer = {**old, "run": made_up.NEW}
    assert values(cases.newest(reader([old, new]))) == [1.0, 2.0]
    assert len(cases.newest(reader([old, newer]))) == 1
    (only,) = group(reader([old, new]))
    assert [(line.label, line.any.value) for line in only.lines] == [
        ("decode", 2.0),
        ("decode, max model len 4096", 1.0),
    ]
    assert [row.value for _, row in only.rows("decode")] == [2.0]  # a plot has one point
    decode = next(column for column in COLUMNS if column.bench == "decode")
    assert answer(only, decode) is only.lines[0]


def test_what_makes_another_case(reader: Reader) -> None:
    others: list[dict[str, Any]] = [
        {"parameters": {"prompt": 256, "tokens": 128, "streams": 1}},
        {"settings": {"mode": "eager"}},
        {"contestant": "upstream-w4"},
        {"subject": "made-up-8b"},
        {"device": GPU2},
        {"metric": "another"},
        {"cold": True},
    ]
    rows = reader([made_up.row(), *(made_up.row(**other) for other in others)])
    assert cases.newest(rows) == rows


def test_bytes_that_were_found_make_no_other_case(reader: Reader) -> None:
    ask = [{"prompt": 128, "bytes": size} for size in (1e9, 2e9)]
    rows = reader([made_up.row(parameters=parameters) for parameters in ask])
    assert len(cases.newest(rows)) == 1


def test_a_failure_stands_until_the_same_is_measured_later(reader: Reader) -> None:
    failed = made_up.failed(run=made_up.NEW)
    without = made_up.failed(bench="ablate", parameters={"without": "norm"})
    assert len(cases.failures(reader([made_up.row(run=made_up.OLD), failed]))) == 1
    assert len(cases.failures(reader([made_up.row(run=made_up.NEW), failed]))) == 1
    assert not cases.failures(reader([made_up.failed(), made_up.row(run=made_up.NEW)]))
    other = made_up.row(run=made_up.NEW, contestant="fp16")
    assert len(cases.failures(reader([made_up.failed(), other]))) == 1
    assert len(cases.failures(reader([without, made_up.row(run=made_up.NEW)]))) == 1


def test_a_failure_hides_behind_no_other_device_or_mode(reader: Reader) -> None:
    def left(*worked: dict[str, Any], **failed: Any) -> int:
        rows = [made_up.failed(**failed), *(made_up.row(run=made_up.NEW, **w) for w in worked)]
        return len(cases.failures(reader(rows)))

    eager = {"settings": {"mode": "eager"}}
    assert left({"device": GPU2}) == 1 and left({"device": GPU2}, {}) == 0
    assert left(eager) == 1 and left(eager, {}) == 0
    assert left({"device": GPU2}, device={}) == 0  # it may have been that one
    # What was asked for is known before the engine says what it became.
    asked = {"settings": {"mode": "graph", "asked_mode": "default"}}
    assert left(asked, settings={"asked_mode": "default"}) == 0
    assert left(asked, settings={"asked_mode": "eager"}) == 1


def test_a_twin_with_its_own_checkpoint_stands_beside_ours(session: list[Row]) -> None:
    (only,) = group(session)
    assert only.subject == made_up.MODEL
    assert only.contestants == ["gfx", "upstream-w4", "fp16"]
    assert all(set(line.rows) == set(only.contestants) for line in only.lines)
    assert {line.rows["fp16"].subject for line in only.lines} == {made_up.TWIN}


def test_invocations_of_the_same_second_stay_apart(reader: Reader) -> None:
    rows = []
    for model in ("a", "b"):
        rows += [made_up.row(subject=f"{model}-w4", contestant=n) for n in ("gfx", "upstream-w4")]
        rows += [made_up.row(subject=model, contestant="fp16")]
    found = group(reader(rows))
    assert [g.subject for g in found] == ["a-w4", "b-w4"]
    assert [g.lines[0].rows["fp16"].subject for g in found] == ["a", "b"]
    assert all(g.contestants == ["gfx", "upstream-w4", "fp16"] for g in found)


def test_one_label_with_two_checkpoints_hides_neither(reader: Reader) -> None:
    twins = [made_up.row(contestant="fp16", subject=name) for name in ("one", "two")]
    (only,) = group(reader([made_up.row(), *twins]))
    assert only.contestants == ["gfx", "fp16=one", "fp16=two"]


def test_without_ours_a_model_stands_alone(reader: Reader) -> None:
    found = group(reader([made_up.row(contestant="fp16", subject=made_up.TWIN)]))
    assert [(g.subject, g.contestants) for g in found] == [(made_up.TWIN, ["fp16"])]
    assert not list(losses(found)) and count(found) == 0


def test_devices_and_modes_are_apart(reader: Reader) -> None:
    rows = [made_up.row(), made_up.row(device=GPU2), made_up.row(settings={"mode": "eager"})]
    found = [(str(g.device), g.mode) for g in group(reader(rows))]
    first = "Made-up GPU, gfx0"
    assert found == [(first, "graph"), ("Made-up GPU 2, gfx0", "graph"), (first, "eager")]


def test_only_rows_of_one_invocation_are_compared(reader: Reader) -> None:
    peer = {"contestant": "upstream-w4", "samples": [49.0, 50.0, 51.0]}
    (together,) = group(reader([made_up.row(), made_up.row(**peer)]))
    assert [match.times for match in matches(together.lines[0])] == [2.0]
    (apart,) = group(reader([made_up.row(run=made_up.NEW), made_up.row(**peer)]))
    assert set(apart.lines[0].rows) == {"gfx", "upstream-w4"}
    assert matches(apart.lines[0]) == []


def test_losses_are_found_in_either_direction(reader: Reader) -> None:
    for better, lost in (("higher", 0.5), ("lower", 2.0)):
        ours = made_up.row(better=better)
        peer = made_up.row(better=better, contestant="fp16", samples=[198.0, 200.0, 202.0])
        found = [match.times for _, _, match in losses(group(reader([ours, peer])))]
        assert found == ([lost] if lost < 1 else [])


def test_what_is_neither_good_nor_bad_is_not_compared(reader: Reader) -> None:
    """Also in rows that said that a smaller cache is better, which holds fewer tokens."""
    for better in ("lower", "neither"):
        cache = {"bench": "memory", "metric": "kv_cache", "unit": "byte", "better": better}
        peer = made_up.row(contestant="fp16", samples=[1.0] * 3, **cache)
        found = group(reader([made_up.row(**cache), peer]))
        assert count(found) == 0 and not list(losses(found))


def test_missing_metrics_leave_holes(reader: Reader) -> None:
    ttft = made_up.row(
        bench="ttft", metric="ttft", unit="s", parameters={"prompt": 2048}, contestant="fp16"
    )
    (only,) = group(reader([made_up.row(), ttft]))
    assert [set(line.rows) for line in only.lines] == [{"gfx"}, {"fp16"}]
    answered = [column.title for column in COLUMNS if answer(only, column)]
    assert answered == ["1 stream", "first token, 2048"]


def test_labels_leave_out_what_is_always_the_same(session: list[Row]) -> None:
    (only,) = group(session)
    labels = [line.label for line in only.lines]
    assert labels[:2] == ["decode", "ttft, prompt 128"]
    assert "throughput, streams 32" in labels and "step: host share" in labels
    assert "startup, cold, includes made-up import" in labels and "ablate, without linear" in labels
    assert len(set(labels)) == len(labels)
    assert only.note == "Where nothing else is said: prompt 128, tokens 128, streams 1."
