"""The doctor answers in every state of an environment, and never raises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gfx_kernels import targets
from vllm_gfx import doctor


def test_json_holds_every_section_and_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main(["--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report) == list(doctor.SECTIONS)
    assert not any("could not tell" in section for section in report.values())
    assert report["target"]["built for"] == targets.built_for()
    assert report["versions"]["vllm"].startswith("0.")
    assert {"VLLM_GFX_SIMULATE", "VLLM_HOST_IP", "GFX_KERNELS_CODE"} <= set(
        report["environment variables"]
    )
    assert "active" in report["shims"]["engine/empty_host_cache"]


def test_names_patches_and_channels_of_a_conda_prefix() -> None:
    assert set(doctor.patches()) >= {"local/early-door.patch", "local/no-rust-extensions.patch"}
    packages = doctor.packages()
    assert " from channel" in packages["vllm"] and " from channel" in packages["gfx-target"]
    assert packages["packages by channel"]["conda-forge"] > 50


def test_a_broken_section_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, str]:
        raise RuntimeError("no torch here")

    monkeypatch.setitem(doctor.SECTIONS, "target", broken)
    assert doctor.examine()["target"] == {"could not tell": "RuntimeError: no torch here"}


def test_answers_without_any_package() -> None:
    """Without site-packages: the file alone runs, and nothing of ours or vLLM's imports."""
    code = f"import runpy; runpy.run_path({doctor.__file__!r})['main']([])"
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "could not tell" in done.stdout and "absent" in done.stdout


def test_kfd_isas(tmp_path: Path) -> None:
    for node, version in (("0", 0), ("1", 110000), ("2", 90010)):
        (tmp_path / node).mkdir()
        (tmp_path / node / "properties").write_text(f"simd_count 4\ngfx_target_version {version}\n")
    assert doctor._kfd_isas(tmp_path) == ["11.0.0", "9.0.10"]


@pytest.mark.parametrize(
    ("built", "gpus", "words"),
    [
        ("cpu", [], "not for speed"),
        ("cpu", ["gfx1100"], "gfx-target=*=gfx1100_*"),
        ("gfx1100", ["gfx1201", "gfx1100"], "matches"),
        ("gfx1100", ["gfx1201"], "no gfx1100 device is seen"),
    ],
)
def test_verdict(built: str, gpus: list[str], words: str) -> None:
    assert words in doctor._verdict(built, gpus, "cpu")


def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "hunter2")
    monkeypatch.setenv("HF_TOKEN", "hunter2")
    assert "hunter2" not in json.dumps(doctor.variables())
