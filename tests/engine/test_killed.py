"""The engine's process is killed under a request: 5xx, the server ends with an error, no hang."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import openai
import psutil
import pytest
import vllm.entrypoints.launchers.api_server.entry  # noqa: F401 - tells the shim that this serves
from vllm_gfx.engine import dead_engine_exit_code

from tests.serve.server import NAME, READY_SECONDS, Server
from tests.support import output
from tests.support.held import Held
from tests.support.polling import PATIENCE_SECONDS, until, until_equal


def _engine(server: Server) -> psutil.Process:
    (found,) = [p for p in server.family if "EngineCore" in " ".join(p.cmdline()) + p.name()]
    return found


def _ask(server: Server, stream: bool) -> float:
    """When the error came. Raises what the client raises, if that is no error of the server's."""
    with pytest.raises(openai.APIError) as told:
        answer = server.client().completions.create(
            model=NAME,
            prompt="import",
            max_tokens=300,
            stream=stream,
            extra_body={"ignore_eos": True},
        )
        for _ in answer:
            pass
    if not stream:
        assert isinstance(told.value, openai.InternalServerError), told.value
        assert 500 <= told.value.status_code < 600
    return time.monotonic()


def test_killed_under_requests(start: Callable[..., Server], held: Held) -> None:
    server = start()
    server.wait_ready()
    with ThreadPoolExecutor() as pool, held.slow_steps():
        asked = [pool.submit(_ask, server, stream) for stream in (False, True)]
        until_equal(server.running, 2, "both are running")
        _engine(server).kill()
        killed = time.monotonic()
        # Promised is an answer, not how soon: a hang ends with the client's own limit, far later.
        assert max(one.result() for one in asked) - killed < PATIENCE_SECONDS < READY_SECONDS
    code = server.process.wait(PATIENCE_SECONDS)
    assert code == dead_engine_exit_code.EXIT_CODE, output.end(server.output())
    assert "vllm-gfx serve: the engine died" in server.output()
    until(lambda: not server.left_over(), "its processes end")


def test_still_needed() -> None:
    """When this fails, look whether upstream's server now ends with an error: delete the shim."""
    assert dead_engine_exit_code.needed()
