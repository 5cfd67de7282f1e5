"""The command: what it says without a GPU, and a run of it on a device without a clock."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import gfx_bench.__main__ as command
import pytest
import torch
from gfx_bench import bandwidth, device, subjects, timing
from gfx_bench.subjects import w4a16_linear
from gfx_kernels.w4a16_linear import cases

from tests.bench.dummy import Dummy

LAYER = ["--shapes", "gemma.*expert_down"]


@pytest.fixture
def dummy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "Gpu", Dummy)
    monkeypatch.setattr(bandwidth, "copy_bandwidth", lambda _: 4000.0)
    monkeypatch.setattr(subjects, "need", lambda *_: None)
    monkeypatch.setattr(timing, "copies", lambda *_: 2)
    monkeypatch.setattr(timing, "eager", lambda *_: 1.0)
    monkeypatch.setattr(w4a16_linear, "IMPLEMENTATION", "reference")
    monkeypatch.setattr(w4a16_linear, "_launcher", lambda *_: lambda: None)


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert {"--m", "--shapes", "--peers", "--vllm-source", "--out", "--plot"} <= set(
        re.findall(r"--[a-z-]+", said)
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "no op 'nothing'"),
        (["weak_ref_tensor"], "no BENCH cases"),
        (["w4a16_linear", "--peers", "marlin"], "no peer 'marlin'"),
        (["w4a16_linear", "--shapes", "no such layer"], "no BENCH case"),
        (["w4a16_linear", "--m", "3"], "no BENCH case"),
    ],
)
def test_a_wrong_word_is_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize("words", [["--m", "one"], ["--shapes", "("]])
def test_a_malformed_option_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(["w4a16_linear", *words])
    assert left.value.code == 2


def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert command.main(["w4a16_linear"]) == 2
    assert "no GPU" in capsys.readouterr().err


@pytest.mark.usefixtures("dummy")
def test_a_run_appends_rows_and_prints_goals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "rows.jsonl"
    words = ["w4a16_linear", *LAYER, "--m", "1,4", "--peers", "torch_fp16", "--replays", "3"]
    words += ["--commit", "abc"]
    for _ in range(2):
        assert command.main([*words, "--out", str(out), "--full"]) == 0
    said = capsys.readouterr().out
    assert "[1/2] gemma" in said and "copy again" in said and "goals:" in said
    rows: list[dict[str, Any]] = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 4 and {row["m"] for row in rows} == {1, 4}
    assert [row["commit"] for row in rows] == ["abc"] * 4
    assert rows[0]["symmetric"] is False and rows[0]["group_size"] == 32


@pytest.mark.usefixtures("dummy")
def test_rows_are_judged_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.jsonl"
    run = ["w4a16_linear", *LAYER, "--peers", "none", "--replays", "3", "--out", str(out)]
    for _ in range(2):
        assert command.main(run) == 0
    capsys.readouterr()
    assert command.main(["w4a16_linear", "--read", str(out), "--m", "4"]) == 0
    said = capsys.readouterr().out
    assert said.count("gemma") == 1 and "pass" in said
    assert command.main(["rms_norm", "--read", str(out)]) == 2


def test_a_plot_needs_matplotlib(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    assert command.main(["w4a16_linear", "--plot", "x.png"]) == 2
    assert "matplotlib" in capsys.readouterr().err


@pytest.mark.usefixtures("dummy")
def test_a_wrong_result_is_the_exit_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cases.TOLERANCE, torch.float16, 1e-9)
    words = ["w4a16_linear", *LAYER, "--m", "1", "--peers", "none", "--replays", "3"]
    assert command.main([*words, "--out", str(tmp_path / "rows.jsonl")]) == 1
