"""vLLM on a simulated Windows: the same tokens as on Linux, from LLM() and from a server.

The server's engine is a process of its own here and in tests/windows, on Windows Python.
"""

from __future__ import annotations

import json

import pytest

from tests.gpu import expected
from tests.shims.windows import simulated_engines
from tests.support import agreement, windows

ASKED = ("server", "same", "dead", "addresses")
TIE = 0.04  # as tests/engine/test_agreement.py: another processor adds in another order


@pytest.fixture(scope="module")
def answers() -> dict:
    output = windows.run("-m", "tests.shims.windows.simulated_engines", *ASKED)
    (line,) = [line for line in output.splitlines() if line.startswith(simulated_engines.MARK)]
    return json.loads(line.removeprefix(simulated_engines.MARK))


def _check(found: list[list[int]]) -> None:
    whole = expected.reference("fp")
    some = simulated_engines.PROMPTS
    agreed = agreement.compare(
        found, agreement.Reference(whole.tokens[:some], whole.behind[:some]), TIE
    )
    assert not agreed.errors, agreed


def test_generate(answers: dict) -> None:
    _check(answers["same"])


def test_serve(answers: dict) -> None:
    """It answers over HTTP; Ctrl-Break then ends it and the engine's process."""
    _check(answers["server"]["tokens"])
    assert answers["server"]["left"] == []


def test_processes_meet_on_the_loopback_interface(answers: dict) -> None:
    """At a port that bind() chooses."""
    first, second, bound = answers["addresses"]
    assert first == second == "tcp://127.0.0.1:0"
    assert bound.startswith("tcp://127.0.0.1:") and bound != first


def test_an_engine_that_dies_is_noticed(answers: dict) -> None:
    """Without polling the handle of its process."""
    found = answers["dead"]
    assert found["polled"] == ["Socket"]
    assert found["error"].startswith("Engine core initialization failed"), found


def test_the_shims_are_there(answers: dict) -> None:
    """Every shim for Windows that Linux can stand for."""
    wanted = ("early.uvloop", "early.ctrl_break", "early.start_method", "early.event_loop_policy")
    wanted += ("engine.kill_process_tree", "engine.listening_socket", "engine.usage_device")
    assert {f"vllm_gfx.{name}" for name in wanted} <= set(answers["active"])
