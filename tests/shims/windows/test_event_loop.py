"""The event loop that stands in for uvloop handles signals by itself, as Windows' loops do not."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest
from vllm_gfx.stand_ins import uvloop

SIGNAL = signal.SIGUSR1
PATIENCE_SECONDS = 60  # for a busy machine


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    handler, policy = signal.getsignal(SIGNAL), asyncio.get_event_loop_policy()
    yield
    signal.signal(SIGNAL, handler)
    asyncio.set_event_loop_policy(policy)


def _kill_soon() -> None:
    threading.Timer(0.2, os.kill, (os.getpid(), SIGNAL)).start()


async def _arrived(*given: int) -> tuple[int, ...]:
    """What the handler gets; the loop has nothing else to wake up for."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, uvloop.Loop)
    done: asyncio.Future[tuple[int, ...]] = loop.create_future()
    loop.add_signal_handler(SIGNAL, lambda *got: done.set_result(got), *given)
    _kill_soon()
    return await asyncio.wait_for(done, PATIENCE_SECONDS)


def test_a_signal_wakes_the_loop() -> None:
    assert uvloop.run(_arrived(1, 2)) == (1, 2)


def test_a_handler_is_gone_with_its_loop() -> None:
    uvloop.run(_arrived())
    assert signal.getsignal(SIGNAL) == signal.SIG_DFL


def test_a_handler_can_be_removed() -> None:
    loop = uvloop.new_event_loop()
    loop.add_signal_handler(SIGNAL, print)
    assert loop.remove_signal_handler(SIGNAL) and not loop.remove_signal_handler(SIGNAL)
    assert signal.getsignal(SIGNAL) == signal.SIG_DFL
    loop.close()


def test_nothing_wakes_a_closed_loop() -> None:
    loop = uvloop.new_event_loop()
    loop.close()
    loop.close()
    assert signal.set_wakeup_fd(-1) == -1


def test_a_loop_of_another_thread_leaves_signals_alone() -> None:
    """Python handles signals in the main thread only."""
    found: list[int] = []

    async def nothing() -> None:
        found.append(signal.SIGINT)

    thread = threading.Thread(target=lambda: uvloop.run(nothing()))
    thread.start()
    thread.join()
    assert found


def test_install_makes_it_everybodys_loop() -> None:
    uvloop.install()
    assert asyncio.run(_arrived(3)) == (3,)


def test_sockets_can_be_watched() -> None:
    """What zmq.asyncio asks of a loop."""
    loop = uvloop.new_event_loop()
    assert loop.add_reader.__func__ is not asyncio.AbstractEventLoop.add_reader
    loop.close()
