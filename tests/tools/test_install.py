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

    def records(specs: list[str]) -> list[Any]:
        calls.append(specs)
        return [record]

    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(install, "build", calls.append)
    monkeypatch.setattr(solve, "records", records)
    monkeypatch.setattr(generations, "install", lambda *_, **__: True)
    assert install.install(asked) == tmp_path / "env" / built
    assert calls[0] == [built]
    assert {"vllm", *solve.asks_for(asked)} <= set(calls[1])


def test_an_unknown_target_builds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "build", lambda targets: pytest.fail("built"))
    with pytest.raises(ToolError, match="unknown target 'gfx9'"):
        install.install("gfx9")


def test_kernels_that_do_not_compile_are_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ToolError, match="the kernels were not compiled"):
        kernels(["build", "--target", "gfx1"])
    assert capfd.readouterr().err.startswith("error: nothing to compile for 'gfx1'; known: ")
