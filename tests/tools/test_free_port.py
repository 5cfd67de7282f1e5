"""The port of `smoke`'s server, which loads a model before it listens."""

from __future__ import annotations

import subprocess
from pathlib import Path
from unittest.mock import Mock

import pytest

from tools import free_port, paths, smoke


def test_smoke_asks_for_a_port_that_no_other_program_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = Mock(side_effect=FileNotFoundError)
    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    with pytest.raises(FileNotFoundError), smoke.server(tmp_path, tmp_path):
        pass
    command = started.call_args.args[0]
    assert int(command[command.index("--port") + 1]) < free_port.given_from()


def test_where_the_system_gives_nearly_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "range").write_text("1024\t65535\n")
    monkeypatch.setattr(free_port, "GIVEN_BY_LINUX", tmp_path / "range")
    assert free_port.free_port() >= 1024


def test_where_there_is_no_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_port, "GIVEN_BY_LINUX", tmp_path / "nowhere")
    assert free_port.free_port() < free_port.GIVEN_BY_WINDOWS
