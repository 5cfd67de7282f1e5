"""`bench` on the command line: what it runs, where rows go, and how it fails."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench_report import made_up
from tools import paths, prefix
from tools.bench import command, report
from tools.bench import measure as measuring
from tools.errors import ToolError

# Stands for the prefix's Python: notes how it was run, appends rows to --rows, ends with `code`.
ENGINE = """#!{python}
import json, os, pathlib, sys
seen = {{"argv": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
pathlib.Path({note!r}).write_text(json.dumps(seen))
if "--rows" in sys.argv:
    with open(sys.argv[sys.argv.index("--rows") + 1], "a") as file:
        file.write({rows!r})
print("its own table")
sys.exit({code})
"""
Measure = Callable[..., dict[str, object]]


@pytest.fixture
def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Run `bench` with arguments and an engine that gives `rows`; how the engine was run."""
    monkeypatch.setattr(measuring, "install", lambda target: tmp_path)
    monkeypatch.setattr(prefix, "python_of", lambda where: tmp_path / "python")
    monkeypatch.setattr(report, "FOLDER", tmp_path / "report")
    monkeypatch.setattr(measuring, "MEASURED", tmp_path / "new" / "measured.jsonl")
    monkeypatch.setenv("INIT_CWD", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", "/leak")

    def run(
        *arguments: str, rows: str = "", code: int = 0, file: str = "r.jsonl"
    ) -> dict[str, object]:
        note = tmp_path / "note.json"
        text = ENGINE.format(python=sys.executable, note=str(note), rows=rows, code=code)
        (tmp_path / "python").write_text(text)
        (tmp_path / "python").chmod(stat.S_IRWXU)
        command.bench(None, arguments, Path(file), None, None, False)
        return dict(json.loads(note.read_text()))

    return run


def as_text(*rows: dict[str, object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_the_prefix_measures_and_everything_is_passed_on(measure: Measure, tmp_path: Path) -> None:
    flags = ["m", "--contestant", "gfx", "--ablate", "norm", "--max-model-len=64", "--quick"]
    seen = measure(*flags, rows=as_text(made_up.row()))
    ours = ["--caches", str(measuring.CACHES), "--rows", str(measuring.MEASURED)]
    assert seen["argv"] == ["-m", "vllm_gfx.bench", *flags, *ours]
    assert seen["folder"] == str(tmp_path)
    environment = seen["environment"]
    assert isinstance(environment, dict) and "PYTHONPATH" not in environment
    assert environment["VLLM_CACHE_ROOT"] == str(paths.BUILD / "vllm-cache")


@pytest.mark.parametrize("given", [["--caches", "x"], ["--caches=x"]])
def test_caches_may_lie_elsewhere(given: list[str], measure: Measure) -> None:
    argv = measure("m", *given)["argv"]
    assert isinstance(argv, list) and sum("--caches" in argument for argument in argv) == 1


def test_what_was_measured_before_ctrl_c_is_reported(
    measure: Measure, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole process group hears it, so this engine signals its parent, then writes its rows."""
    pressed = "import os, signal, time; os.kill(os.getppid(), signal.SIGINT); time.sleep(0.5)"
    monkeypatch.setitem(
        globals(), "ENGINE", ENGINE.replace("import json", f"{pressed}\nimport json")
    )
    with pytest.raises(ToolError, match=r"vllm_gfx.bench ended with 130"):
        measure("m", rows=as_text(made_up.row()), code=130)
    assert "100 tok/s" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_new_rows_are_printed_and_all_are_drawn(
    measure: Measure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up.write(tmp_path / "r.jsonl", [made_up.row(subject="made-up-old")])
    measure("m", rows=as_text(made_up.row()))
    out = capsys.readouterr().out
    assert "made-up-7b-w4" in out and "100 tok/s" in out
    assert "made-up-old" not in out and "its own table" not in out
    page = (tmp_path / "report" / report.PAGE).read_text("utf-8")
    assert "made-up-old" in page and "made-up-7b-w4" in page


def test_a_failure_is_reported_with_the_rest(
    measure: Measure, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = as_text(made_up.row(), made_up.failed(contestant="fp16"))
    with pytest.raises(ToolError, match=r"vllm_gfx.bench ended with 1; the lines above say why"):
        measure("m", rows=rows, code=1)
    out = capsys.readouterr().out
    assert "100 tok/s" in out
    assert "failed: made-up-7b-w4, fp16, startup: exit code 1: made-up failure" in out


def test_a_refusal_before_any_row_is_passed_on(measure: Measure, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"vllm_gfx.bench ended with 2"):
        measure("m", code=2)
    assert not (tmp_path / "report").exists()


def test_a_file_of_something_else_is_refused_before_anything_runs(
    measure: Measure, tmp_path: Path
) -> None:
    (tmp_path / "r.jsonl").write_text('{"op": 1}\n')
    with pytest.raises(ToolError, match=r"r.jsonl:1 is not a row of `bench`"):
        measure("m", rows=as_text(made_up.row()))
    assert not (tmp_path / "note.json").exists()
    assert (tmp_path / "r.jsonl").read_text() == '{"op": 1}\n'


def test_help_of_the_measuring_half_measures_nothing(measure: Measure) -> None:
    with pytest.raises(SystemExit) as end:
        measure("--help")
    assert end.value.code == 0


def test_rows_are_appended_with_the_commit_of_the_checkout(
    measure: Measure, tmp_path: Path
) -> None:
    """An installed copy leaves it empty; one that knows it better keeps its own."""
    old = made_up.row(commit="")
    made_up.write(tmp_path / "r.jsonl", [old])
    measure("m", rows=as_text(made_up.row(commit=""), made_up.row(commit="2222222")))
    commits = [json.loads(line)["commit"] for line in (tmp_path / "r.jsonl").open()]
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    said = subprocess.run(asked, cwd=paths.ROOT, capture_output=True, text=True).stdout.strip()
    assert commits == ["", said, "2222222"] and len(said) >= 12


def test_rows_that_are_none_are_not_appended(measure: Measure, tmp_path: Path) -> None:
    made_up.write(tmp_path / "r.jsonl", [made_up.row()])
    before = (tmp_path / "r.jsonl").read_bytes()
    with pytest.raises(ToolError, match=r"measured.jsonl:1 is not JSON"):
        measure("m", rows='{"schema": 1')
    assert (tmp_path / "r.jsonl").read_bytes() == before


def test_rows_of_a_run_that_was_killed_are_not_taken_for_new(
    measure: Measure, tmp_path: Path
) -> None:
    measuring.MEASURED.parent.mkdir()
    made_up.write(measuring.MEASURED, [made_up.row(subject="left over")])
    measure("m", rows=as_text(made_up.row()))
    assert "left over" not in (tmp_path / "r.jsonl").read_text()


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    assert measuring.commit() == ""
    monkeypatch.setenv("PATH", "")
    assert measuring.commit() == ""


def task(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools", "bench", *arguments],
        cwd=paths.ROOT,
        env={**os.environ, "INIT_CWD": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def test_compare_and_report_from_the_command_line(tmp_path: Path) -> None:
    """Relative paths are the caller's; 0, and 1 with one line for a regression if asked to."""
    made_up.write(tmp_path / "a.jsonl", [made_up.row()])
    made_up.write(tmp_path / "b.jsonl", [made_up.row(samples=[79.0, 80.0, 81.0])])
    done = task(tmp_path, "--compare", "a.jsonl", "b.jsonl")
    assert done.returncode == 0 and "-20.0%" in done.stdout and not done.stderr
    done = task(tmp_path, "--compare", "a.jsonl", "b.jsonl", "--fail-on-regression")
    assert done.returncode == 1
    assert done.stderr == "error: 1 cases got worse; they are listed above\n"
    done = task(tmp_path, "--report", "a.jsonl", "out")
    assert done.returncode == 0 and (tmp_path / "out" / report.PAGE).is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--report", "empty.jsonl", "out"],
            "empty.jsonl holds no rows; run: python dev.py bench MODEL",
        ),
        (
            ["--compare", "good.jsonl", "cut.jsonl"],
            "cut.jsonl:2 is not JSON (cut off?); delete that line",
        ),
    ],
)
def test_a_bad_file_is_one_line_and_1(arguments: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    good = made_up.write(tmp_path / "good.jsonl", [made_up.row()]).read_text()
    (tmp_path / "cut.jsonl").write_text(good + good[:100])
    done = task(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {tmp_path}/{said}\n"
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_meant_is_one_line() -> None:
    both = (Path("a"), Path("b"))
    with pytest.raises(ToolError, match="no model is named; run"):
        command.bench(None, [], None, None, None, False)
    for asked in (("m", both, None), ("m", None, both), ("", both, both)):
        with pytest.raises(ToolError, match="bench does one thing at a time; give MODEL, --comp"):
            command.bench(None, [*asked[0]], None, asked[1], asked[2], False)
    with pytest.raises(ToolError, match="--fail-on-regression needs --compare; give it two files"):
        command.bench(None, ["m"], None, None, None, True)
