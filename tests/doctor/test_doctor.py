"""The doctor answers in every state of an environment, and its exit code says how that is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gfx_kernels import targets
from vllm_gfx import doctor
from vllm_gfx.doctor import checks, environment, hardware
from vllm_gfx.doctor.finding import BROKEN, NOTE, WARNING, Finding


@pytest.fixture(scope="module")
def asked() -> tuple[int, dict[str, dict[str, object]]]:
    """Exit code and report of the installed environment, by a real process."""
    command = [sys.executable, "-m", "vllm_gfx.doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def test_json_holds_every_section_and_answers(
    asked: tuple[int, dict[str, dict[str, object]]],
) -> None:
    code, report = asked
    assert list(report) == [*doctor.SECTIONS, "findings"]
    assert not any("could not tell" in report[section] for section in doctor.SECTIONS)
    assert report["target"]["built for"] == targets.built_for()
    assert str(report["versions"]["vllm"]).startswith("0.")
    assert {"VLLM_GFX_SIMULATE", "VLLM_HOST_IP", "GFX_KERNELS_CODE"} <= set(
        report["environment variables"]
    )
    assert "active" in str(report["shims"]["engine/empty_host_cache"])
    assert "libtorch_cpu" in str(report["loaded libraries"]["torch_cpu"])
    assert "GiB of" in str(report["free memory"]["RAM"])
    assert code == 0 and not [f for f in report["findings"] if f["level"] == BROKEN]  # type: ignore[index]


def test_names_patches_and_channels_of_a_conda_prefix() -> None:
    assert set(environment.patches()) >= {
        "local/early-door.patch",
        "local/no-rust-extensions.patch",
    }
    packages = environment.packages()
    assert " from channel" in packages["vllm"] and " from channel" in packages["gfx-target"]
    assert packages["packages by channel"]["conda-forge"] > 50


def test_a_broken_section_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, str]:
        raise RuntimeError("no torch here")

    monkeypatch.setattr(doctor, "SECTIONS", {"target": broken})
    assert doctor.examine() == {"target": {"could not tell": "RuntimeError: no torch here"}}


def test_a_broken_check_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[Finding]:
        yield Finding(NOTE, "before")
        raise KeyError("name")

    monkeypatch.setattr(checks, "CHECKS", {"packages": broken})
    assert [str(f) for f in doctor.conclude()] == [
        "warning: could not check packages: KeyError: 'name'"
    ]


def test_answers_without_any_package(tmp_path: Path) -> None:
    """Our package and nothing beside it: the file runs, and nothing else of ours or vLLM's does."""
    ours = Path(doctor.__file__).parents[1]
    shutil.copytree(ours, tmp_path / ours.name, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / ours.name / "doctor" / "__main__.py"
    command = [sys.executable, "-I", "-S", str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "could not tell" in done.stdout and "absent" in done.stdout
    assert "broken: gfx-kernels is not installed; install the package vllm" in done.stdout


Answers = Callable[..., tuple[int, str]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Answers:
    """Runs the doctor with these findings and no sections: its exit code and what it printed."""

    def run(*argv: str, found: list[Finding]) -> tuple[int, str]:
        monkeypatch.setattr(doctor, "SECTIONS", {})
        monkeypatch.setattr(checks, "CHECKS", {"one": lambda: iter(found)})
        return doctor.main(argv), capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("levels", "code", "strict"),
    [
        ((), 0, 0),
        ((NOTE,), 0, 0),
        ((WARNING, NOTE), 0, 1),
        ((NOTE, BROKEN), 1, 1),
        ((WARNING, BROKEN), 1, 1),
    ],
)
def test_exit_codes(answers: Answers, levels: tuple[str, ...], code: int, strict: int) -> None:
    found = [Finding(level, f"{level} thing", "do this") for level in levels]
    assert answers(found=found)[0] == code
    assert answers("--strict", found=found)[0] == strict


def test_help_documents_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        doctor.main(["--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    for words in (
        "exit codes:",
        "0  nothing is broken",
        "1  something is broken",
        "2  the command",
    ):
        assert words in told
    with pytest.raises(SystemExit) as wrong:
        doctor.main(["--jsn"])
    assert wrong.value.code == 2


def test_the_worst_comes_first_and_says_what_to_do(answers: Answers) -> None:
    found = [Finding(NOTE, "c"), Finding(WARNING, "b"), Finding(BROKEN, "a", "mend it")]
    _, printed = answers(found=found)
    assert printed.splitlines() == [
        "findings:",
        "  broken: a; mend it",
        "  warning: b",
        "  note: c",
    ]
    _, printed = answers("--json", found=found)
    assert json.loads(printed)["findings"][0] == {"level": BROKEN, "what": "a", "remedy": "mend it"}
    assert "nothing is wrong" in answers(found=[])[1]


@pytest.mark.parametrize(
    ("built", "gpus", "words"),
    [
        ("cpu", [], "not for speed"),
        ("cpu", ["gfx1100"], "gfx-target=*=gfx1100_*"),
        ("cpu", ["gfx803"], "for correctness and not for speed"),
        ("gfx1100", ["gfx1201", "gfx1100"], "matches"),
        ("gfx1100", ["gfx1201"], "no gfx1100 device is seen"),
    ],
)
def test_verdict(built: str, gpus: list[str], words: str) -> None:
    said = hardware.verdict(built, gpus, list(targets.all_targets()), "cpu")
    assert words in said
    assert ("faster" in said) == (gpus == ["gfx1100"])


def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "hunter2")
    monkeypatch.setenv("HF_TOKEN", "hunter2")
    assert "hunter2" not in json.dumps(environment.variables())
