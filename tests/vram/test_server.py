"""A server in its usual processes, told by a fake counter of its engine that memory spills."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openai
import pytest
from vllm_gfx import envs

from tests.serve.server import NAME, READY_SECONDS, Server
from tests.support.polling import until
from tests.vram import plugin

SPILLED = "of this engine's GPU memory are in system memory"


def _ask(server: Server) -> str:
    asked = server.client().completions.create(
        model=NAME, prompt="import", max_tokens=8, temperature=0
    )
    return asked.choices[0].text


def test_requests_are_refused_while_it_lasts(
    start: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = plugin.install(tmp_path, monkeypatch)
    monkeypatch.setenv(envs.ON_SPILL, envs.REFUSE)
    server = start("--gpu-memory-utilization", "0.9")
    server.wait_ready()
    expected = _ask(server)
    plugin.say(shared, 1024)
    until(lambda: SPILLED in server.output(), "the spill is said")
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            _ask(server)
    plugin.say(shared, 0)
    until(lambda: "GPU memory is back on the GPU" in server.output(), "its end is said")
    assert _ask(server) == expected
    output = server.output()
    said = [line for line in output.splitlines() if SPILLED in line]
    assert len(said) == 3 and all("1.0 GiB of this" in line for line in said)
    assert "is refused" not in said[0] and all("is refused: 1.0 GiB" in line for line in said[1:])
    assert "or restart with --gpu-memory-utilization 0." in said[0]
    assert "Traceback" not in output
    assert server.stop() == 0, output[-4000:]


def test_a_start_that_spills_is_refused(
    start: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin.install(tmp_path, monkeypatch, start=2048)
    monkeypatch.setenv(envs.ON_SPILL, envs.REFUSE)
    server = start("--gpu-memory-utilization", "0.9")
    assert server.process.wait(READY_SECONDS) == 1
    line = "2.0 GiB of this engine's GPU memory are in system memory"
    assert f"the engine does not start: {line}" in server.output()
    assert "Traceback" not in server.output()
    assert "or restart with --gpu-memory-utilization 0." in server.output()
