"""dev.py, pixi.toml and the command line offer the same tasks, and fail in one line."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import pytest
import typer.main
import yaml

import dev
from tools import cli, paths, prefix, run, variants
from tools.errors import ToolError

PIXI = tomllib.loads((paths.ROOT / "pixi.toml").read_text(encoding="utf-8"))
TASKS = set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]
WANTED = {"build", "smoke", "test", "serve", "doctor", "lint", "fetch", "install", "lock"}
WANTED |= {"kernels", "bench", "tables", "rollback", "verify", "bundle", "pin"}


def task(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools", *arguments],
        cwd=paths.ROOT,
        env={"PATH": "", "HOME": "/nowhere", **env},
        capture_output=True,
        text=True,
    )


def test_the_tasks_are_those_of_the_project() -> None:
    assert TASKS == WANTED


def test_dev_names_the_tasks_before_it_has_made_anything() -> None:
    (lines,) = re.findall(r"Tasks:\n\n((?: +.+\n)+)", dev.__doc__ or "")
    assert set(lines.split()) == TASKS


def test_pixi_offers_the_same_tasks() -> None:
    """Those of the packages run in any of its environments, those of this repository in `dev`."""
    for_users = {"serve", "report", "doctor"}
    assert {name: f"vllm-gfx {name}" for name in for_users} == PIXI["tasks"]
    for_us = {name: f"python dev.py {name}" for name in TASKS - for_users}
    assert for_us == PIXI["feature"]["dev"]["tasks"]


def test_no_task_of_pixi_is_in_two_kinds_of_environment() -> None:
    """pixi then asks which one is meant."""
    assert PIXI["environments"]["dev"] == {"features": ["dev"], "no-default-feature": True}
    assert not set(PIXI["tasks"]) & set(PIXI["feature"]["dev"]["tasks"])
    assert [name for name, feature in PIXI["feature"].items() if "tasks" in feature] == ["dev"]


def test_pixi_has_the_python_that_the_stand_in_is_for() -> None:
    pins = yaml.safe_load(paths.PINS.read_text())
    python = PIXI["feature"]["dev"]["dependencies"]["python"]
    assert python == f"{pins['python_min'][0]}.*"


@pytest.mark.parametrize("name", sorted(WANTED - {"serve"}))
def test_every_task_explains_itself(name: str) -> None:
    done = task(name, "--help")
    assert done.returncode == 0 and name in done.stdout


@pytest.mark.parametrize("name", ["build", "install", "smoke", "doctor"])
def test_an_unknown_target_is_one_line(name: str) -> None:
    done = task(name, "--target", "gfx1")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: unknown target 'gfx1'; known targets: {', '.join(variants.all_targets())}"
    ]


def test_the_environment_can_name_the_target() -> None:
    assert "unknown target 'gfx2'" in task("doctor", VLLM_GFX_TARGET="gfx2").stderr


def test_an_unknown_task_is_refused() -> None:
    done = task("frobnicate")
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_ctrl_c_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tools.lint.lint", interrupted)
    monkeypatch.setattr(sys, "argv", ["tools", "lint"])
    assert cli.run() == 130
    assert "run the same command again to continue" in capsys.readouterr().err


@pytest.mark.parametrize(("target", "flags"), [(None, ""), ("gfx1100", " --target gfx1100")])
def test_serve_needs_an_installed_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str | None, flags: str
) -> None:
    monkeypatch.setattr(paths, "prefix", lambda target: tmp_path / target)
    with pytest.raises(ToolError) as raised:
        run.run(target, ["vllm-gfx", "serve", "x"])
    said = f"{target or 'cpu'} is not installed; run: python dev.py install{flags}"
    assert str(raised.value).endswith(said)


def test_programs_run_where_the_caller_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths mean what they meant to the caller, and no other Python leaks in."""
    monkeypatch.setattr(paths, "prefix", lambda target: tmp_path)
    (tmp_path / prefix.LIST).write_text("")
    bin_ = prefix.scripts_of(tmp_path)
    bin_.mkdir()
    (bin_ / "show").write_text('#!/bin/sh\necho "$PWD|$PYTHONPATH|$CONDA_PREFIX|$1"\n')
    (bin_ / "show").chmod(0o755)
    caller = tmp_path / "caller"
    caller.mkdir()
    code = (
        "from tools import paths, run; from pathlib import Path\n"
        f"paths.prefix = lambda target: Path({str(tmp_path)!r})\n"
        "run.run(None, ['show', 'x'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=paths.ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": "/leak", "INIT_CWD": str(caller)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{caller}||{tmp_path}|x\n", done.stderr


class TestDev:
    """Making .venv, in a folder of its own."""

    @pytest.fixture(autouse=True)
    def elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("VENV", "RETIRED", "STAMP", "PYTHON", "REQUIREMENTS"):
            old = getattr(dev, name)
            monkeypatch.setattr(dev, name, tmp_path / old.relative_to(dev.ROOT))
        monkeypatch.setattr(dev, "ROOT", tmp_path)
        dev.REQUIREMENTS.parent.mkdir()
        dev.REQUIREMENTS.write_text("")

    def test_made_once_and_again_when_the_pins_change(self) -> None:
        dev.ensure()
        first = dev.STAMP.stat().st_mtime_ns
        dev.ensure()
        assert dev.STAMP.stat().st_mtime_ns == first
        dev.REQUIREMENTS.write_text("# changed\n")
        dev.ensure()
        assert dev.STAMP.stat().st_mtime_ns != first and not dev.RETIRED.exists()

    def test_a_failure_puts_the_old_one_back(self) -> None:
        dev.VENV.mkdir()
        (dev.VENV / "old").write_text("")
        dev.REQUIREMENTS.write_text("no-such-distribution @ file:///nowhere.whl\n")
        with pytest.raises(subprocess.CalledProcessError):
            dev.ensure()
        assert [p.name for p in dev.VENV.iterdir()] == ["old"]

    def test_a_failure_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        dev.REQUIREMENTS.write_text("no-such-distribution @ file:///nowhere.whl\n")
        with pytest.raises(SystemExit, match="pip could not install"):
            dev.main(["build"])

    def test_an_interrupted_one_is_made_again(self) -> None:
        dev.VENV.mkdir()
        dev.PYTHON.parent.mkdir(parents=True)
        dev.PYTHON.write_text("")
        assert not dev.is_ready()
        dev.ensure()
        assert dev.is_ready()

    def test_help_needs_no_venv(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert dev.main(["--help"]) == 0
        assert "smoke" in capsys.readouterr().out and not dev.VENV.exists()

    def test_an_old_python_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "version_info", (3, 10, 1))
        with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer"):
            dev.main(["build"])


def test_the_lock_of_windows_is_waited_for() -> None:
    """Its own wait ends after ten seconds, and .venv takes a minute."""
    assert dev._locked(lambda: None)
    assert not dev._locked(partial(_raise, OSError(errno.EDEADLOCK, "waited ten times")))
    with pytest.raises(PermissionError):
        dev._locked(partial(_raise, PermissionError(errno.EACCES, "a folder of others")))


def _raise(error: Exception) -> None:
    raise error


def test_a_name_of_the_callers_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows typer would read `*`, `[`, `$` and `~` in it as a shell does elsewhere."""
    asked: dict[str, object] = {}
    monkeypatch.setattr(cli, "app", asked.update)
    cli.run()
    assert asked == {"windows_expand_args": False}


def test_the_doctor_answers_where_nothing_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    with pytest.raises(SystemExit) as end:
        run.doctor(None, ["--json"])
    out, err = capfd.readouterr()
    assert end.value.code == 1 and "dev.py install" in err  # 1: something is broken
    assert json.loads(out)["versions"]["vllm"] == "absent"


def test_a_venv_killed_in_the_making_does_not_cost_the_good_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    good, half = tmp_path / "old", tmp_path / "venv"
    for folder in (good, half):
        folder.mkdir()
        (folder / folder.name).write_text("")

    def fails(*_: object, **__: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(dev, "RETIRED", good)
    monkeypatch.setattr(dev, "VENV", half)
    monkeypatch.setattr(dev, "STAMP", half / "complete.txt")
    monkeypatch.setattr("venv.create", fails)
    with pytest.raises(OSError, match="no"):
        dev.make()
    assert [p.name for p in half.iterdir()] == ["old"] and not good.exists()
