"""The schema: a row that lacks something, or contradicts itself, is not written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from vllm_gfx.bench import gather, rows

from tests.bench_engine import made_up


@pytest.fixture
def row() -> dict[str, Any]:
    done = [made_up.outcome("gfx", 0, made_up.decode(10.0, 12.0, 11.0))]
    return gather.gather(done, "2026-01-01T00:00:00+00:00", ["gfx"])[0]


def test_summary_by_hand() -> None:
    samples = [5.0, 1.0, 2.0, 4.0, 3.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]
    found = rows.summary(samples, "lower")
    assert (found["value"], found["best"], found["spread"]) == (6.0, 1.0, [2.0, 10.0])
    assert rows.summary(samples, "higher")["best"] == 11.0
    assert rows.summary([3.0], "lower")["spread"] == [3.0, 3.0]
    assert rows.percentile([0.0, 10.0], 0.25) == 2.5


def test_written_rows_are_read_back(row: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.jsonl"
    rows.write(path, [row])
    rows.write(path, [row])
    assert rows.read(path) == [row, row]


def test_nothing_is_written_if_one_row_is_wrong(row: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="better"):
        rows.write(tmp_path / "rows.jsonl", [row, {**row, "better": "more"}])
    assert not (tmp_path / "rows.jsonl").exists()


@pytest.mark.parametrize("key", rows.KEYS)
def test_every_key_is_needed(row: dict[str, Any], key: str) -> None:
    del row[key]
    with pytest.raises(ValueError, match=key):
        rows.check(row)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 2),
        ("bench", "speed"),
        ("value", None),
        ("value", "11"),
        ("value", True),
        ("samples", []),
        ("error", "it died"),
        ("versions", {"python": "3"}),
        ("device", {"name": "x"}),
        ("cold", 1),
    ],
)
def test_wrong_values(row: dict[str, Any], key: str, value: object) -> None:
    row[key] = value
    with pytest.raises(ValueError, match="row"):
        rows.check(row)


def test_an_unknown_key(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="extra"):
        rows.check({**row, "extra": 1})


def test_a_number_that_json_has_not(row: dict[str, Any], tmp_path: Path) -> None:
    row["energy_j"] = float("nan")
    with pytest.raises(ValueError):
        rows.write(tmp_path / "rows.jsonl", [row])
