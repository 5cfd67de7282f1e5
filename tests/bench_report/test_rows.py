"""Reading rows: what vllm_gfx.bench writes is taken, anything else is refused in one line."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.bench_report import made_up
from tools import paths
from tools.bench import aims, cases, meaning, rows
from tools.bench.groups import ORDER
from tools.errors import ToolError


def _alone(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of vllm_gfx.bench without the packages around it."""
    file = paths.ROOT / "shims" / "src" / "vllm_gfx" / "bench" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"alone_{name}", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """vllm_gfx.bench.rows, which writes rows."""
    return _alone("rows", monkeypatch)


def test_the_report_has_words_for_every_contestant(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = _alone("plan", monkeypatch)
    assert set(meaning.CONTESTANTS) == set(plan.KNOWN)
    peers = {aim.peer for aim in aims.all_aims()} - {""}
    assert peers <= set(plan.KNOWN)


def test_the_schema_is_that_of_the_writer(writer: ModuleType) -> None:
    schema = json.loads(rows.SCHEMA.read_text("utf-8"))
    assert set(schema["properties"]) == set(writer.KEYS)
    assert set(schema["required"]) == set(writer.KEYS) - {"error"}
    assert schema["properties"]["schema"]["const"] == rows.VERSION == writer.SCHEMA
    assert set(schema["properties"]["better"]["enum"]) == set(writer.BETTER)
    assert cases.FOUND == writer.FOUND


def test_the_report_has_words_for_every_bench(writer: ModuleType) -> None:
    assert set(meaning.BENCHES) == set(ORDER) == set(writer.BENCHES)


def test_rows_of_the_writer_are_read(writer: ModuleType, tmp_path: Path) -> None:
    """And the made-up rows of these tests are such that the writer would have taken them."""
    found = [*made_up.session(), made_up.failed()]
    ordered = [{key: row[key] for key in writer.KEYS} for row in found]
    writer.write(tmp_path / "rows.jsonl", ordered)
    read = rows.read(tmp_path / "rows.jsonl")
    assert [row.value for row in read] == [row["value"] for row in found]
    assert read[-1].error == "exit code 1: made-up failure"
    for row in ordered:
        assert {k: row[k] for k in made_up.summary([1.0], "lower")} == {
            k: v for k, v in writer.summary(row["samples"], row["better"]).items() if k != "samples"
        } | {"spread": pytest.approx(row["spread"]) if row["spread"] else None}


def test_empty_lines_are_nothing(tmp_path: Path) -> None:
    file = made_up.write(tmp_path / "rows.jsonl", [made_up.row()])
    file.write_text(f"\n{file.read_text()}\n\n")
    assert len(rows.read(file)) == 1


BAD: dict[str, tuple[Any, str]] = {
    "empty": ("", r"rows.jsonl holds no rows; run: python dev.py bench MODEL"),
    "blank": ("\n \n", r"holds no rows"),
    "cut": (json.dumps(made_up.row())[:-20], r"rows.jsonl:1 is not JSON \(cut off\?\); delete"),
    "nan": (json.dumps(made_up.row(samples=[float("nan")] * 3)), r"rows.jsonl:1 is not JSON"),
    "list": ("[]", r"rows.jsonl:1 is not a row of `bench`; name a file that it wrote"),
    "kernels": ('{"op": "w4a16_linear"}', r"rows.jsonl:1 is not a row of `bench`"),
    "newer": (made_up.row(schema=2), r"rows.jsonl:1: schema 2 is not 1; use the commit that"),
    "type": (made_up.row(samples=[1.0]) | {"value": "1"}, r"rows.jsonl:1: value: '1' is not of"),
    "better": (made_up.row() | {"better": "more"}, r"better: 'more' is not one of"),
    "outside": (made_up.row() | {"value": 500.0}, r"value 500.0 is outside its samples"),
    "no samples": (made_up.row() | {"samples": []}, r"value and samples disagree"),
    "no value": (made_up.row() | {"value": None}, r"value and samples disagree"),
    "binary": (b"\xff\xfe\x00", r"cannot read .*rows.jsonl: not a text file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_row_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    content, said = BAD[name]
    text = json.dumps(content) if isinstance(content, dict) else content
    file = tmp_path / "rows.jsonl"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ToolError, match=said) as error:
        rows.read(file)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", json.loads(rows.SCHEMA.read_text("utf-8"))["required"])
def test_every_key_must_be_there(key: str, tmp_path: Path) -> None:
    row = made_up.row()
    del row[key]
    with pytest.raises(ToolError, match=r"rows.jsonl:2.*(required property|not a row)"):
        rows.read(made_up.write(tmp_path / "rows.jsonl", [made_up.row(), row]))


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"cannot read .*: No such file or directory; name a file"):
        rows.read(tmp_path / "absent.jsonl")
    with pytest.raises(ToolError, match=r"cannot read .*: Is a directory"):
        rows.read(tmp_path)
