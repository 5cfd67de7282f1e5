"""The terminal's table fits the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.bench_report import made_up
from tests.bench_report.conftest import Reader
from tools.bench.groups import group
from tools.bench.rows import Row
from tools.bench.table import table

TWINS = ("made-up-deepseek-r1-distill-14b", "made-up-qwen2.5-7b")


def printed(rows: list[Row], width: int) -> str:
    text = io.StringIO()
    console = Console(file=text, width=width, highlight=False, soft_wrap=True)
    for part in group(rows):
        console.print(table(part, console))
    return text.getvalue()


def test_a_wide_terminal_has_a_column_per_contestant(session: list[Row]) -> None:
    lines = printed(session, 200).splitlines()
    assert any("upstream-w4" in line and "x fp16" in line for line in lines)
    assert next(line for line in lines if "decode" in line).count("tok/s") == 3


@pytest.mark.parametrize("width", [80, 100])
def test_a_narrow_one_has_a_line_for_each(reader: Reader, width: int) -> None:
    twins = [made_up.row(contestant="fp16", subject=name, samples=[49.0] * 3) for name in TWINS]
    text = printed(reader([made_up.row(), *twins]), width)
    found = [line.split() for line in text.splitlines() if "tok/s" in line]
    assert found[0][:4] == ["decode", "gfx", "100", "tok/s"]
    assert [line[-1] for line in found[1:]] == ["2.04", "2.04"]
    assert all(f"fp16={name}" in text for name in TWINS)
    assert all(len(line.rstrip()) <= width for line in text.splitlines()[:-1])  # then the note


def test_no_value_is_cut(session: list[Row]) -> None:
    narrow, wide = printed(session, 80), printed(session, 300)
    assert "…" not in narrow
    assert narrow.count("tok/s") == wide.count("tok/s")
