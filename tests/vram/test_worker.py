"""Where in a worker's life a session begins, judges and ends; and a core that refuses requests."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from vllm_gfx.vram import counters, session
from vllm_gfx.vram.worker import WatchMixin

from tests.support import fresh


class Worker:
    """In place of vLLM's: writes down what is called."""

    def __init__(self) -> None:
        self.vllm_config = SimpleNamespace()
        self.done: list[Any] = []

    def load_model(self, *, load_dummy_weights: bool = False) -> None:
        self.done.append(("load", load_dummy_weights))

    def compile_or_warm_up_model(self) -> float:
        self.done.append("warm up")
        return 1.5

    def shutdown(self) -> None:
        self.done.append("shutdown")


class Watched(WatchMixin, Worker):
    pass


def test_it_begins_before_the_model_and_judges_after_the_graphs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Watched()
    done = worker.done
    pinned = {"allocated_bytes.current": 7, "active_bytes.current": 3}
    monkeypatch.setattr("torch.cuda.host_memory_stats", lambda: pinned)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.current_device", lambda: 1)
    properties = {1: SimpleNamespace(total_memory=20 << 30)}
    monkeypatch.setattr("torch.cuda.get_device_properties", properties.get)
    monkeypatch.setattr(
        session, "begin", lambda config, total: done.append((config, total())) or "mine"
    )
    monkeypatch.setattr(session, "started", lambda pinned: done.append(("started", pinned())))
    monkeypatch.setattr(session, "end", lambda mine: done.append(("end", mine)))
    worker.load_model(load_dummy_weights=True)
    assert worker.compile_or_warm_up_model() == 1.5
    worker.shutdown()
    begun = (worker.vllm_config, 20 << 30)
    assert done == [begun, ("load", True), "warm up", ("started", 7), ("end", "mine"), "shutdown"]


def test_on_linux_torch_is_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no engine can be watched: a start costs what it costs without all this."""
    worker, asked = Watched(), []
    monkeypatch.setattr(counters, "spills", lambda: False)
    for name in ("is_available", "host_memory_stats", "get_device_properties"):
        monkeypatch.setattr(f"torch.cuda.{name}", lambda *_, name=name: asked.append(name) or {})
    worker.load_model()
    worker.compile_or_warm_up_model()
    worker.shutdown()
    assert worker.done == [("load", False), "warm up", "shutdown"] and not asked


def every_worker() -> None:
    from vllm.platforms import current_platform
    from vllm.v1.worker.gpu_worker import Worker as Upstream
    from vllm_gfx.gpu_worker import GfxWorker
    from vllm_gfx.simulated_worker import SimulatedWorker
    from vllm_gfx.vram.platform import RefusingMixin

    assert issubclass(type(current_platform), RefusingMixin)
    for worker in (GfxWorker, SimulatedWorker):  # the second is the cpu target's, too
        order = worker.__mro__
        assert order.index(WatchMixin) < order.index(Upstream)


def refusing() -> None:
    """A core's input thread, without its engine: what a client gets, and what is logged."""
    from vllm.v1.engine.core import EngineCoreProc
    from vllm_gfx.engine import refuse_when_spilled

    unexpected: list[str] = []
    EngineCoreProc._handle_request_preproc_error = lambda self, request: unexpected.append(
        request.request_id
    )
    EngineCoreProc.preprocess_add_request = lambda self, request: request
    refuse_when_spilled.install()
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    refuse_when_spilled.logger.addHandler(handler)
    core: Any = EngineCoreProc.__new__(EngineCoreProc)
    sent: list[Any] = []
    core._send_error_outputs_to_client = lambda ids, client: sent.append((ids, client))

    def add(name: str, error: Exception | None) -> Any:
        session.refuse = lambda: _raise(error)
        request = SimpleNamespace(request_id=name, client_index=4)
        try:
            return core.preprocess_add_request(request)
        except ValueError:
            return core._handle_request_preproc_error(request)

    assert add("fine", None).request_id == "fine"
    add("spilled", session.Spilled("1.0 GiB are in system memory", "end the game"))
    assert sent == [(["spilled"], 4)] and not unexpected
    told = "request spilled is refused: 1.0 GiB are in system memory; end the game"
    assert lines == [told]
    add("broken", ValueError("of another kind"))
    assert unexpected == ["broken"] and len(lines) == len(sent) == 1


def _raise(error: Exception | None) -> None:
    if error is not None:
        raise error


def in_one_process() -> None:
    every_worker()
    refusing()


def test_workers_watch_and_a_refused_request_is_an_error_output_and_one_line() -> None:
    fresh.run(in_one_process)
