"""vllm_gfx.engine.stopped_is_not_dead: the task that reads the outputs, without an engine."""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from types import SimpleNamespace
from typing import Any

import vllm.entrypoints.launchers.launcher  # noqa: F401 - what tells the shim that this serves
import zmq
import zmq.asyncio
from vllm.v1.engine import async_llm
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.core_client import AsyncMPClient, BackgroundResources
from vllm.v1.engine.exceptions import EngineDeadError
from vllm_gfx.engine import stopped_is_not_dead

from tests.support import fresh

PATIENCE = 30.0


class _Requests:
    def __init__(self) -> None:
        self.told: list[type[Exception]] = []

    def propagate_error(self, error: Exception) -> None:
        self.told.append(type(error))


def _engine() -> Any:
    """A client of an engine, with a socket that nobody writes to."""
    context = zmq.asyncio.Context.instance()
    engine: Any = AsyncMPClient.__new__(AsyncMPClient)
    engine.resources = BackgroundResources(context, output_socket=context.socket(zmq.PULL))
    engine.outputs_queue, engine.decoder, engine.utility_results = asyncio.Queue(), None, {}
    engine._finalizer = weakref.finalize(engine, engine.resources)
    return engine


def _client() -> Any:
    client: Any = AsyncLLM.__new__(AsyncLLM)
    client.engine_core, client.output_processor = _engine(), _Requests()
    client.renderer = SimpleNamespace(mm_processor_cache=None, shutdown=lambda: None)
    client.output_handler = client.logger_manager = None
    client.log_stats = False
    client._run_output_handler()
    return client


async def _shut_down(died_before: bool = False) -> list[type[Exception]]:
    """Shut down as the server does, from another thread: what its requests were told.

    The reader gets its turn where upstream's race is: after the sockets, before it is cancelled.
    """
    client = _client()
    await asyncio.sleep(0)  # it reads
    client.engine_core.resources.engine_dead = died_before
    over, cancel = threading.Event(), async_llm.cancel_task_threadsafe
    client.output_handler.add_done_callback(lambda _: over.set())

    def late(task: asyncio.Task[None]) -> None:
        assert over.wait(PATIENCE), "nothing woke the reader"
        cancel(task)

    async_llm.cancel_task_threadsafe = late
    try:
        await asyncio.get_running_loop().run_in_executor(None, client.shutdown)
    finally:
        async_llm.cancel_task_threadsafe = cancel
    told: list[type[Exception]] = client.output_processor.told
    return told


def upstreams_own() -> None:
    assert not hasattr(AsyncLLM.shutdown, "__wrapped__"), "already replaced"
    assert stopped_is_not_dead.needed()
    assert asyncio.run(_shut_down()) == [EngineDeadError]


def test_still_needed() -> None:
    """When this fails, upstream's reader knows that it was asked to stop: delete the shim."""
    fresh.run(upstreams_own)


def with_the_shim() -> None:
    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("vllm").addHandler(listener)
    stopped_is_not_dead.install()
    assert asyncio.run(_shut_down()) == []
    assert "AsyncLLM output_handler failed." not in said
    assert asyncio.run(_shut_down(died_before=True)) == [EngineDeadError]
    assert "AsyncLLM output_handler failed." in said


def test_one_that_was_asked_to_stop_is_no_error_and_one_that_had_died_is() -> None:
    """In a process of its own: in this one other shims may tell requests more."""
    fresh.run(with_the_shim)
