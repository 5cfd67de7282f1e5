"""The report: what is recorded, replaced, refused, printed and written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from vllm_gfx import report


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_rows", {})
    monkeypatch.delenv("VLLM_GFX_REPORT", raising=False)


def test_a_later_choice_replaces_the_first() -> None:
    report.record("layers.0.mlp", "linear", "A")
    report.record("layers.0.mlp", "op", "B")
    report.record("layers.0.mlp", "linear", "C", "A was refused")
    assert report.rows() == [
        report.Row("layers.0.mlp", "linear", "C", "A was refused"),
        report.Row("layers.0.mlp", "op", "B"),
    ]


def test_a_second_model_replaces_the_first() -> None:
    report.record("layers.1.mlp", "linear", "A")
    report.record("_C.weak_ref_tensor", "op", "B")
    report.forget_layers()
    assert report.rows() == [report.Row("_C.weak_ref_tensor", "op", "B")]


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind 'lineal'; one of linear"):
        report.record("x", "lineal", "A")


def test_file_holds_each_change_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VLLM_GFX_REPORT", str(tmp_path / "rows"))
    for implementation in ("A", "A", "B"):
        report.record("x", "moe", implementation, "why")
    lines = (tmp_path / "rows").read_text().splitlines()
    assert [json.loads(line)["implementation"] for line in lines] == ["A", "B"]
    assert report.Row(**json.loads(lines[1])) == report.rows()[0]


def test_table_and_summary() -> None:
    chosen = [
        report.Row("b", "attention", "TORCH_PAGED"),
        report.Row("a", "linear", "X", "because"),
        report.Row("c", "linear", "X"),
        report.Row("d", "linear", "Longer"),
    ]
    assert report.summary(chosen) == "linear: 2 x X, 1 x Longer; attention: 1 x TORCH_PAGED"
    assert report.table(chosen).splitlines()[1] == "linear     X            a  because"
    assert report.table([]) == report.summary([]) == ""
