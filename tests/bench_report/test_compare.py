"""`bench --compare A B`: what is matched, what is said, and when it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bench_report import made_up
from tests.bench_report.conftest import Reader
from tools.bench import compare
from tools.bench.difference import Verdict
from tools.errors import ToolError

SLOW = [79.0, 80.0, 81.0]


def said(
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    a: list[dict[str, Any]],
    b: list[dict[str, Any]],
) -> str:
    files = [made_up.write(folder / f"{n}.jsonl", rows) for n, rows in (("a", a), ("b", b))]
    compare.run(files[0], files[1], fail_on_regression=False)
    return capsys.readouterr().out


def test_every_case_of_both_files_is_judged(reader: Reader) -> None:
    a = reader(made_up.session())
    b = reader(made_up.session(made_up.NEW, factor=0.8))
    found = compare.compare(a, b)
    assert len(found.pairs) == len(a) and not found.only_first and not found.only_second
    worse = {p.first.contestant for p in found.pairs if p.difference.verdict is Verdict.WORSE}
    assert worse == {"gfx"}
    decode = next(p for p in found.pairs if p.first.bench == "decode")
    assert decode.difference.change == pytest.approx(-0.2, abs=0.01)


def test_the_same_file_twice_differs_nowhere(reader: Reader) -> None:
    rows = reader(made_up.session())
    found = compare.compare(rows, rows)
    assert {p.difference.verdict for p in found.pairs} == {Verdict.WITHIN, Verdict.FEW}
    assert found.regressions == 0


def test_only_the_newest_rows_count(reader: Reader) -> None:
    a = reader([made_up.row()])
    b = reader([made_up.row(samples=SLOW), made_up.row(run=made_up.NEW)])
    assert compare.compare(a, b).regressions == 0


def test_what_a_flag_changes_is_compared(reader: Reader) -> None:
    flags = [{"mode": "graph", "max_model_len": n} for n in (4096, 9000)]
    a, b = (reader([made_up.row(settings=of)]) for of in flags)
    assert len(compare.compare(a, b).pairs) == 1
    both = reader([made_up.row(settings=flags[1], run=made_up.NEW), made_up.row(settings=flags[0])])
    (pair,) = compare.compare(a, both).pairs
    assert pair.second.run == made_up.NEW


def test_all_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = made_up.row(bench="ttft", metric="ttft", unit="s", better="lower", parameters={})
    a = [made_up.row(), more]
    b = [made_up.row(samples=SLOW, commit="1111111"), made_up.row(metric="other")]
    text = said(capsys, tmp_path, a, b)
    assert "-20.0%" in text and "worse" in text
    assert "1 cases: 1 worse." in text
    assert "only in A: made-up-7b-w4 graph gfx on Made-up GPU, gfx0: ttft" in text
    assert "only in B: made-up-7b-w4 graph gfx on Made-up GPU, gfx0: decode: other" in text
    assert "not the same: commit 0000000 -> 1111111" in text
    assert "Welch" in text and "By chance alone fewer than 0.1 of these cases" in text


def test_regressions_fail_only_if_asked_to(tmp_path: Path) -> None:
    a = made_up.write(tmp_path / "a.jsonl", [made_up.row()])
    b = made_up.write(tmp_path / "b.jsonl", [made_up.row(samples=SLOW)])
    compare.run(a, b, fail_on_regression=False)
    compare.run(b, a, fail_on_regression=True)
    with pytest.raises(ToolError, match="1 cases got worse; they are listed above"):
        compare.run(a, b, fail_on_regression=True)


def test_what_fails_now_is_a_regression(
    tmp_path: Path, reader: Reader, capsys: pytest.CaptureFixture[str]
) -> None:
    peer = made_up.row(contestant="fp16")
    a, b = [made_up.row(), peer], [made_up.row(), made_up.failed(contestant="fp16")]
    assert compare.compare(reader(a), reader(b)).regressions == 1
    assert compare.compare(reader(b), reader(b)).regressions == 0  # it failed before
    text = said(capsys, tmp_path, a, b)
    assert "failed in B:" in text and "exit code 1: made-up failure" in text


def test_two_devices_are_not_compared(reader: Reader) -> None:
    other = made_up.row(device={**made_up.DEVICE, "name": "Another"})
    with pytest.raises(ToolError) as error:
        compare.compare(reader([made_up.row()]), reader([other]))
    assert str(error.value) == (
        "the rows are of different devices, of Made-up GPU, gfx0 and of Another, gfx0; "
        "compare rows of one device"
    )


def test_of_several_devices_the_common_one_is_compared(reader: Reader) -> None:
    other = made_up.row(device={**made_up.DEVICE, "name": "Another"})
    found = compare.compare(reader([made_up.row(), other]), reader([other]))
    assert [p.first.device["name"] for p in found.pairs] == ["Another"]


def test_nothing_in_common_is_one_line(reader: Reader) -> None:
    with pytest.raises(ToolError, match=r"no case is in both files; measure the same model"):
        compare.compare(reader([made_up.row()]), reader([made_up.row(settings={"mode": "eager"})]))
    with pytest.raises(ToolError, match="one of the files holds failures only; its rows say why"):
        compare.compare(reader([made_up.failed()]), reader([made_up.failed()]))


def test_a_file_in_which_all_failed_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, tmp_path, [made_up.row()], [made_up.failed(device={})])
    assert "0 cases: none is in both files." in text
    assert "failed in B: made-up-7b-w4 graph gfx on unknown device: startup" in text
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    with pytest.raises(ToolError, match="1 cases got worse"):
        compare.run(files[0], files[1], fail_on_regression=True)
