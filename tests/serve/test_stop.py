"""SIGTERM: requests in flight finish or are told, the exit code is 0, nothing is left behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from vllm_gfx import cli, ports

from tests.serve.conftest import Start
from tests.serve.server import NAME, Server, until

FEW, MANY = 150, 1000


def _ask(server: Server, tokens: int) -> Any:
    return server.client().completions.create(
        model=NAME, prompt="import", max_tokens=tokens, extra_body={"ignore_eos": True}
    )


def _stream(server: Server) -> None:
    for _ in server.client().completions.create(
        model=NAME, prompt="x", max_tokens=MANY, stream=True, extra_body={"ignore_eos": True}
    ):
        pass


def _ended_cleanly(server: Server) -> None:
    assert server.stop() == 0, server.output()[-6000:]
    until(lambda: not server.left_over(), "its processes end")
    ports.check(ports.LOOPBACK, str(server.port))


def test_requests_in_flight(start: Start) -> None:
    patient = start("--shutdown-timeout", "60")
    hasty = start("--shutdown-timeout", "0")
    for server in (patient, hasty):
        server.wait_ready()
    with ThreadPoolExecutor() as pool:
        finishing = pool.submit(_ask, patient, FEW)
        cut, cut_stream = pool.submit(_ask, hasty, MANY), pool.submit(_stream, hasty)
        until(lambda: (patient.running(), hasty.running()) == (1, 2), "all are running")
        _ended_cleanly(patient)
        _ended_cleanly(hasty)
        assert "draining in-flight requests count=1" in patient.output(), "it had finished before"
        assert finishing.result().usage.completion_tokens == FEW
        with pytest.raises(openai.InternalServerError, match="server stopped before") as told:
            cut.result()
        assert told.value.status_code == 503
        with pytest.raises(openai.APIError, match="server stopped before"):
            cut_stream.result()


def test_before_the_server_is_up(start: Start) -> None:
    server = start()
    until(lambda: "Initializing a V1 LLM engine" in server.output(), "the engine starts", 240)
    server.note_family()
    assert server.stop() == cli.INTERRUPTED
    until(lambda: not server.left_over(), "its processes end")
    assert "vllm-gfx serve: stopped" in server.output()
    assert "Traceback" not in server.output()
    ports.check(ports.LOOPBACK, str(server.port))
