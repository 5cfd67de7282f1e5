"""SIGTERM: requests in flight finish or are told, the exit code is 0, nothing is left behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from vllm_gfx import cli, ports

from tests.serve.conftest import Start
from tests.serve.server import NAME, READY_SECONDS, Server
from tests.support import output
from tests.support.held import AT_ITS_START, Held
from tests.support.polling import until, until_equal

TOKENS = 150


def _ask(server: Server) -> Any:
    return server.client().completions.create(
        model=NAME, prompt="import", max_tokens=TOKENS, extra_body={"ignore_eos": True}
    )


def _stream(server: Server) -> None:
    for _ in server.client().completions.create(
        model=NAME, prompt="x", max_tokens=TOKENS, stream=True, extra_body={"ignore_eos": True}
    ):
        pass


def _ended_cleanly(server: Server, code: int = 0) -> None:
    assert server.stop() == code, output.end(server.output())
    until(lambda: not server.left_over(), "its processes end")
    output.check_lacks(server.output(), "output_handler failed", "EngineDeadError")
    ports.check(ports.LOOPBACK, str(server.port))


def test_requests_in_flight(start: Start, held: Held) -> None:
    patient = start("--shutdown-timeout", "60")
    hasty = start("--shutdown-timeout", "0")
    for server in (patient, hasty):
        server.wait_ready()
    with ThreadPoolExecutor() as pool, held.slow_steps():
        finishing = pool.submit(_ask, patient)
        cut, cut_stream = pool.submit(_ask, hasty), pool.submit(_stream, hasty)
        until_equal(lambda: (patient.running(), hasty.running()), (1, 2), "all are running")
        _ended_cleanly(hasty)
        with pytest.raises(openai.InternalServerError, match="server stopped before") as told:
            cut.result()
        assert told.value.status_code == 503
        with pytest.raises(openai.APIError, match="server stopped before"):
            cut_stream.result()
        _ended_cleanly(patient)
        output.check_lacks(patient.output(), "Traceback")
        assert "draining in-flight requests count=1" in patient.output()
        assert finishing.result().usage.completion_tokens == TOKENS


def test_before_the_server_is_up(start: Start, held: Held) -> None:
    with held.start():
        server = start()
        until(lambda: AT_ITS_START in server.output(), "the engine starts", READY_SECONDS)
        server.note_family()
        _ended_cleanly(server, cli.INTERRUPTED)
    assert "vllm-gfx serve: stopped" in server.output()
    output.check_lacks(server.output(), "Traceback")
