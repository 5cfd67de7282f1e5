"""The command line, with a stub in place of the contestants' processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vllm_gfx.bench import cli, flags, options, plan, rows, run
from vllm_gfx.refusal import Refusal

STUB = ("-m", "tests.bench_engine.child_stub")
Make = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path) -> Make:
    """Makes a model folder with a name that tells the stub what to do."""

    def make(name: str) -> str:
        path = tmp_path / name
        path.mkdir(exist_ok=True)
        (path / "config.json").write_text("{}", encoding="utf-8")
        return str(path)

    return make


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Runs the command line with stubs; its exit code and rows."""
    monkeypatch.setattr(run, "CHILD", STUB)

    def run_it(*argv: str) -> tuple[int, list[dict[str, Any]]]:
        out = tmp_path / "rows.jsonl"
        code = cli.main([*argv, "--rows", str(out), "--logs", str(tmp_path / "logs")])
        return code, rows.read(out)

    return run_it


def test_contestants_take_turns_in_fresh_processes(bench: Any, folder: Make, capfd: Any) -> None:
    code, found = bench(
        folder("works"), "--runs", "2", "--contestant", "gfx",
        "--contestant", f"other={folder('also')}", "--env", "other:SEEN=this",
    )  # fmt: skip
    assert code == 0
    assert found[0]["settings"]["order"] == ["gfx", "other", "gfx", "other"]
    seen = {r["contestant"]: (r["subject"], r["settings"]["seen"], r["samples"]) for r in found}
    assert seen == {"gfx": ("works", "", [50.0] * 2), "other": ("also", "this", [50.0] * 2)}
    out, err = capfd.readouterr()
    assert "[3/4] gfx, round 2 of 2" in err and "noise" not in err
    assert "tok/s" in out


def test_ablation_runs_each_class_after_the_whole(bench: Any, folder: Make) -> None:
    model = folder("works")
    code, found = bench(model, "--runs", "1", "--only", "memory", "--ablate", "norm,rope")
    assert code == 0
    assert found[0]["settings"]["order"] == ["gfx", "gfx without norm", "gfx without rope"]
    saved = {r["parameters"]["without"]: r["value"] for r in found if r["bench"] == "ablate"}
    assert saved == {"norm": 10.0, "rope": 10.0}  # 20 ms less 10 ms


@pytest.mark.parametrize(
    ("acts", "error"),
    [("dies", "exit code 1: RuntimeError: cut short"), ("refuses", "no; do something else")],
)
def test_the_dead_are_recorded_and_the_others_go_on(
    bench: Any, folder: Make, acts: str, error: str
) -> None:
    code, found = bench(folder("works"), "--runs", "1", "--contestant", f"x={folder(acts)}",
                        "--contestant", "gfx")  # fmt: skip
    assert code == 1
    assert [r["error"] for r in found if r["value"] is None] == [error]
    assert any(r["contestant"] == "gfx" and r["value"] for r in found)


@pytest.fixture
def limit_once_it_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit runs from the stub's note on, so that all before it is in time."""
    hanging, take = threading.Event(), run._take

    class Timer(threading.Timer):
        daemon = True  # or a stub that never hangs keeps this process

        def run(self) -> None:
            hanging.wait()
            super().run()

    def watched(line: dict[str, Any], *rest: Any) -> None:
        take(line, *rest)
        if line == {"note": "hanging"}:
            hanging.set()

    monkeypatch.setattr(run.threading, "Timer", Timer)
    monkeypatch.setattr(run, "_take", watched)


@pytest.mark.usefixtures("limit_once_it_hangs")
def test_a_hanging_process_is_killed(bench: Any, folder: Make) -> None:
    code, found = bench(folder("hangs"), "--runs", "1", "--limit", "1")
    assert code == 1
    assert [r["error"] for r in found] == [None, "killed after 1 s; raise --limit"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")
def test_what_was_measured_survives_being_stopped(folder: Make, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    program = (
        "import sys; from vllm_gfx.bench import __main__ as m, run; "
        f"run.CHILD = {STUB!r}; sys.exit(m.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, folder("hangs"), "--rows", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        assert any("hanging" in line for line in child.stderr)
        child.send_signal(signal.SIGTERM)
        rest = child.stderr.read()
    assert child.returncode == 130 and rest.strip().endswith("stopped")
    assert [r["value"] for r in rows.read(out)] == [50.0]


def test_the_caller_gets_its_signals_back(bench: Any, folder: Make) -> None:
    mine = signal.getsignal(signal.SIGTERM)
    bench(folder("works"), "--runs", "1")
    assert signal.getsignal(signal.SIGTERM) is mine


def test_caches_of_its_own_are_cold_once(folder: Make, tmp_path: Path) -> None:
    model, caches = folder("works"), tmp_path / "caches"
    _, made = options.parsed([model, "--caches", str(caches)])
    (who,) = made.contestants
    where = run._caches(made, who)
    assert where is not None and where.is_relative_to(caches)
    environment = run._environment(made, who)
    assert environment["TRITON_CACHE_DIR"].startswith(str(where))
    for part in (plan.Contestant("other", model), plan.Contestant("gfx", folder("other"))):
        assert run._caches(made, part) != where


def test_bytecode_is_kept(folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start-up that compiles all of vLLM to bytecode each time is nobody's."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    _, made = options.parsed([folder("works")])
    assert "PYTHONDONTWRITEBYTECODE" not in run._environment(made, made.contestants[0])


def test_the_first_start_is_not_taken_for_a_warm_one(bench: Any, folder: Make) -> None:
    """Only the user's own caches know whether it was; what follows it in the same ones is warm."""
    _, found = bench(folder("starts"), "--runs", "3", "--only", "startup")
    starts = [(r["cold"], r["samples"]) for r in found if r["bench"] == "startup"]
    assert starts == [(None, [9.0]), (False, [9.0, 9.0])]


def test_a_start_after_a_failed_one_is_not_known_to_be_warm(folder: Make) -> None:
    made = options.parsed([folder("works")])[1]
    (who,) = made.contestants
    died = run.Outcome(0, who, facts={"device": {}}, error="exit code 1: no")
    up = run.Outcome(0, who, facts={"settings": {}})
    assert run._cold(made, who, [died]) is None
    assert run._cold(made, who, [died, up]) is False


def test_a_failed_start_knows_its_device_and_what_mode_was_asked_for(
    bench: Any, folder: Make
) -> None:
    code, (row,) = bench(folder("stumbles"), "--runs", "1", "--mode", "eager")
    assert code == 1 and row["bench"] == "startup" and row["value"] is None
    assert row["device"]["name"] == "made up" and row["settings"]["asked_mode"] == "eager"


def test_fp16_by_torch_is_a_contestant(folder: Make) -> None:
    _, made = options.parsed([folder("works"), "--contestant", f"fp16-torch={folder('twin')}"])
    (who,) = made.contestants
    assert who.environment == {"GFX_KERNELS_IMPLEMENTATION": "skinny_linear=torch"}


BAD: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "no model": ((), ("MODEL", "--help")),
    "no folder": (("nowhere",), ("no checkpoint in nowhere", "config.json")),
    "bench": (("works", "--only", "decode,speed"), ("'speed' is not measured", "throughput")),
    "class": (("works", "--ablate", "magic"), ("'magic' is no class", "kv_write")),
    "mode": (("works", "--mode", "fast"), ("fast", "eager")),
    "zero runs": (("works", "--runs", "0"), ("'0' is not a positive whole number",)),
    "few tokens": (("works", "--tokens", "2"), ("--tokens 2", "at least 3")),
    "lengths": (("works", "--prompts", "128,x"), ("'x'", "--prompts")),
    "unknown": (("works", "--contestant", "fast"), ("'fast' is unknown", "upstream-w4")),
    "twice": (("works", "--contestant", "gfx", "--contestant", "gfx"), ("named twice",)),
    "no twin": (("works", "--contestant", "fp16"), ("checkpoint of its own", "fp16=MODEL")),
    "lost twin": (("works", "--contestant", "fp16=nowhere"), ("nowhere",)),
    "variable": (("works", "--env", "gfx:NAME"), ("gfx:NAME", "LABEL:NAME=VALUE")),
    "variable of none": (("works", "--env", "fp16:A=1"), ("fp16:A=1",)),
    "rows": (("works", "--rows", "works"), ("--rows works", "a file")),
    "compiled": (("works", "--ablate", "--mode", "compile"), ("--ablate", "--mode graph")),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(
    folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder("works")
    monkeypatch.chdir(tmp_path)
    argv, words = BAD[name]
    with pytest.raises(Refusal) as refused:
        cli.main(argv)
    assert "\n" not in str(refused.value)
    assert all(word in str(refused.value) for word in words), refused.value
    assert [p.name for p in tmp_path.iterdir()] == ["works"]


@pytest.mark.parametrize(
    "command",
    [["-m", "vllm_gfx.bench"], ["-c", "from vllm_gfx.cli import main; main()", "bench"]],
    ids=["module", "vllm-gfx"],
)
def test_a_refusal_ends_with_code_2(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *command, "nowhere"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1 and "nowhere" in done.stderr


def test_help_answers() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vllm_gfx.bench", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert all(name in done.stdout for name in (*plan.MEASURED, *plan.CLASSES, *plan.MODES))


def _helps() -> dict[str, str]:
    """Flag -> what --help says of it, in one line."""
    actions = (a for a in flags.parser()._actions if a.option_strings and a.dest != "help")
    return {a.dest: str(a.help) % {"default": a.default} for a in actions}


def test_help_is_about_what_users_get() -> None:
    said = str(flags.parser().description)
    assert all(word in said for word in ("table", "one JSON line", "first token", "--rows"))


@pytest.mark.parametrize("flag", _helps())
def test_help_says_every_default(flag: str) -> None:
    assert "(default: " in _helps()[flag]


@pytest.mark.parametrize("quick", [False, True])
def test_help_says_the_defaults_that_hold(folder: Make, quick: bool) -> None:
    asked, made = options.parsed([folder("works"), *["--quick"][:quick]])
    helps = _helps()
    for name in ("runs", "repeats", "prompt", "tokens", "prompts", "streams"):
        value = made.runs if name == "runs" else getattr(made.sizes, name)
        said = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        usual, _, other = (
            helps[name].partition("(default: ")[2].rstrip(")").partition("; --quick: ")
        )
        assert said == (other if quick and other else usual), name
    assert helps["limit"].endswith(f"(default: {made.limit})")
    assert helps["rows"].endswith(f"(default: {asked.rows})")
    assert made.contestants[0].label == "gfx" and made.benches == tuple(plan.MEASURED)
    assert (made.mode, made.ablated, asked.logs, made.caches) == ("default", (), None, None)
