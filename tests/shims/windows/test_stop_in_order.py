"""An engine on Windows is asked to stop; tests/windows/test_serve.py does it to a real one."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest
from vllm_gfx import stop_event
from vllm_gfx.engine import stop_in_order

PATIENCE_SECONDS = 60


class Events:
    """Windows' events, in one process, which has the number that is asked."""

    def __init__(self, number: int) -> None:
        self.number, self.asked = number, threading.Event()

    def create(self) -> int:
        return self.number

    def wait(self, event: int) -> None:
        assert event == self.number and self.asked.wait(PATIENCE_SECONDS)

    def ask(self, pid: int) -> bool:
        if pid == self.number:
            self.asked.set()
        return pid == self.number


class Process:
    """Ends when it is asked, if it listens."""

    def __init__(self, pid: int, events: Events) -> None:
        self.pid, self.events, self.waited = pid, events, list[float]()

    def is_alive(self) -> bool:
        return not (self.pid == self.events.number and self.events.asked.is_set())

    def join(self, timeout: float) -> None:
        self.waited.append(timeout)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Events:
    made = Events(7)
    for name in ("create", "wait", "ask"):
        monkeypatch.setattr(stop_event, name, getattr(made, name))
    return made


@pytest.mark.parametrize("timeout", [None, 0, 10.0])
def test_those_that_listen_are_asked_and_waited_for(events: Events, timeout: float | None) -> None:
    ended: list[tuple[list[int], float | None]] = []

    def original(procs: list[Process], timeout: float | None) -> None:
        ended.append(([one.pid for one in procs if one.is_alive()], timeout))

    listens, does_not = Process(7, events), Process(8, events)
    stop_in_order.asking(original)([listens, does_not], timeout=timeout)
    if timeout:
        assert ended == [([8], timeout)] and not does_not.waited
        assert 0 < listens.waited[0] <= timeout
    else:
        assert ended == [([7, 8], timeout)] and not listens.waited


def test_an_engine_that_waits_for_requests_wakes_and_stops(events: Events) -> None:
    from vllm.v1.engine import EngineCoreRequestType
    from vllm.v1.engine.core import EngineShutdownState

    class Engine:
        shutdown_state = EngineShutdownState.RUNNING
        input_queue: queue.Queue[Any] = queue.Queue()
        seen: Any = None

        def run_busy_loop(self) -> None:
            self.seen = self.input_queue.get(timeout=PATIENCE_SECONDS)

    engine, loop = Engine(), stop_in_order.listening(Engine.run_busy_loop)
    thread = threading.Thread(target=loop, args=(engine,))
    thread.start()
    assert engine.shutdown_state == EngineShutdownState.RUNNING
    assert stop_event.ask(7)
    thread.join(PATIENCE_SECONDS)
    assert engine.seen == (EngineCoreRequestType.WAKEUP, None)
    assert engine.shutdown_state == EngineShutdownState.REQUESTED
