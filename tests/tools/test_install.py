"""`install` builds what it installs, and `kernels` hands its arguments on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools import generations, install, paths, solve
from tools.errors import ToolError
from tools.kernels import kernels


@pytest.mark.parametrize(("asked", "built"), [(None, "cpu"), ("gfx906", "gfx906")])
def test_only_the_asked_target_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: str | None, built: str
) -> None:
    calls: list[Any] = []
    record = SimpleNamespace(name=SimpleNamespace(normalized="gfx-target"), file_name="")

    def records(specs: list[str], channels: list[str]) -> list[Any]:
        calls.append(specs)
        assert channels == solve.channels_for(asked)
        return [record]

    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(install, "build", calls.append)
    monkeypatch.setattr(solve, "records", records)
    monkeypatch.setattr(generations, "install", lambda *_, **__: True)
    assert install.install(asked) == tmp_path / "env" / built
    assert calls[0] == [built]
    assert {"vllm", *solve.asks_for(asked)} <= set(calls[1])


@pytest.mark.parametrize("target", ["cpu", "gfx906"])
def test_a_card_without_amds_torch_is_warned_about(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    target: str,
) -> None:
    """Installed all the same: that is how the rest of a target is tried without a card."""
    found = [
        SimpleNamespace(name=SimpleNamespace(normalized=n), file_name="", version=v, build="whl_0")
        for n, v in {"gfx-target": "1", "pytorch": "2.13.0", "python": "3.11.9"}.items()
    ]
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(install, "build", lambda _: None)
    monkeypatch.setattr(solve, "records", lambda *_, **__: found)
    monkeypatch.setattr(generations, "install", lambda *_, **__: True)
    install.install(target)
    warned = f"warning: the channel has no torch for {target} on {solve.here()}; run: python dev.py"
    assert (warned in capsys.readouterr().err) == (target != "cpu")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """A system on which nothing is built; the channels of every solve."""
    asked: list[list[str]] = []

    def records(specs: list[str], channels: list[str]) -> list[Any]:
        asked.append(channels)
        name = SimpleNamespace(normalized="gfx-target")
        return [SimpleNamespace(name=name, file_name="", version="1", build="")]

    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(paths, "CHANNEL", tmp_path / "channel")
    monkeypatch.setattr(solve, "builds", lambda: False)
    monkeypatch.setattr(solve, "records", records)
    monkeypatch.setattr(install, "build", lambda targets: pytest.fail("built"))
    monkeypatch.setattr(generations, "install", lambda *_, **__: True)
    monkeypatch.delenv("VLLM_GFX_CONDA_FORGE", raising=False)
    return asked


def test_where_nothing_is_built_the_channel_must_be_there(elsewhere: list[list[str]]) -> None:
    with pytest.raises(ToolError, match=r"channel is not here.*Linux.*copy that folder from"):
        install.install(None)
    assert not elsewhere


@pytest.mark.parametrize(
    ("named", "theirs"),
    [("", ["conda-forge"]), ("file:///a  file:///b", ["file:///a", "file:///b"])],
)
def test_a_copied_channel_is_completed_by_conda_forge(
    elsewhere: list[list[str]], monkeypatch: pytest.MonkeyPatch, named: str, theirs: list[str]
) -> None:
    index = paths.CHANNEL / "noarch" / "repodata.json"
    index.parent.mkdir(parents=True)
    index.touch()
    monkeypatch.setenv("VLLM_GFX_CONDA_FORGE", named)
    install.install(None)
    install.install("gfx1100")
    ours = [paths.CHANNEL.as_uri()]
    assert elsewhere == [theirs + ours, ours + theirs]


def test_linux_builds_and_windows_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for platform, builds in (("linux-64", True), ("win-64", False)):
        monkeypatch.setattr(solve, "here", lambda platform=platform: platform)
        assert solve.builds() == builds


def test_an_unknown_target_builds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "build", lambda targets: pytest.fail("built"))
    with pytest.raises(ToolError, match="unknown target 'gfx9'"):
        install.install("gfx9")


def test_kernels_that_do_not_compile_are_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ToolError, match="the kernels were not compiled"):
        kernels(["build", "--target", "gfx1"])
    assert capfd.readouterr().err.startswith("error: nothing to compile for 'gfx1'; known: ")
