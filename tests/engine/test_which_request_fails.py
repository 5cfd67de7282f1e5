"""vllm_gfx.engine.survive_out_of_memory, on a scheduler that only writes down what it is told."""

from __future__ import annotations

import queue
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from vllm_gfx.engine import survive_out_of_memory as shim


class _Scheduler:
    def __init__(self, in_flight: dict[str, int]) -> None:
        self.requests = {
            name: SimpleNamespace(num_in_flight_tokens=n, client_index=7)
            for name, n in in_flight.items()
        }
        self.told: list[Any] = []
        self.forgot: list[str] = []

    def finish_requests(self, name: str, status: Any) -> None:
        self.told.append(("failed", name, status.name))

    def reset_prefix_cache(self, reset_running_requests: bool) -> None:
        left = {name: r.num_in_flight_tokens for name, r in self.requests.items()}
        self.told.append(("again", reset_running_requests, left))

    def reset_encoder_cache(self) -> None:
        self.forgot.append("scheduler")

    def update_from_output(self, step: Any, output: str) -> dict[int, str]:
        for name, tokens in step.num_scheduled_tokens.items():
            self.requests[name].num_in_flight_tokens -= tokens
        return {7: output}


def _core(in_flight: dict[str, int], earlier: list[Any] | None = None) -> Any:
    sent: list[Any] = []
    scheduler = _Scheduler(in_flight)
    worker = SimpleNamespace(reset_encoder_cache=lambda: scheduler.forgot.append("worker"))
    return SimpleNamespace(
        scheduler=scheduler,
        model_executor=worker,
        batch_queue=earlier,
        output_queue=queue.Queue(),
        sent=sent,
        _send_error_outputs_to_client=lambda names, client: sent.append((names, client)),
    )


def _step(**tokens: int) -> Any:
    return SimpleNamespace(num_scheduled_tokens=tokens)


@pytest.mark.parametrize(
    ("tokens", "fails"),
    [
        ({"a": 1, "b": 500, "c": 1}, "b"),
        ({"a": 1, "b": 1, "c": 1}, "c"),
        ({"gone": 900, "a": 2, "b": 1}, "a"),  # aborted in the meantime
    ],
)
def test_the_largest_or_else_the_last(tokens: dict[str, int], fails: str) -> None:
    core = _core({name: n for name, n in tokens.items() if name != "gone"})
    shim._go_on(core, shim.Failed(_step(**tokens), {}), "out of memory")
    (_, name, status), (_, everybody, left) = core.scheduler.told
    assert (name, status, everybody) == (fails, "FINISHED_ERROR", True)
    assert core.sent == [([fails], 7)]
    assert set(left.values()) == {0}, "no output of the failed step will come"
    assert core.scheduler.forgot == ["scheduler", "worker"], "its images are not encoded"


def test_what_earlier_steps_computed_is_handed_out() -> None:
    """Asynchronous scheduling: the step before is still in flight when the next one fails."""
    future: Future[str] = Future()
    future.set_result("tokens")
    core = _core({"a": 2, "b": 300}, [(future, _step(a=1), future)])
    shim._go_on(core, shim.Failed(_step(a=1, b=300), {}), "out of memory")
    assert core.output_queue.get_nowait() == (7, "tokens") and not core.batch_queue
    assert core.scheduler.told[-1] == ("again", True, {"a": 0, "b": 0})


class _Engine:
    """Stands for EngineCoreProc: a step that fails for a reason, on so many GPUs."""

    def __init__(self, error: Exception, gpus: int, ahead: bool, v2: bool) -> None:
        self.vllm_config = SimpleNamespace(
            parallel_config=SimpleNamespace(world_size_across_dp=gpus),
            scheduler_config=SimpleNamespace(async_scheduling=ahead),
            use_v2_model_runner=v2,
        )
        self.error = error

    def _process_engine_step(self) -> bool:
        return self.step()

    def step(self) -> bool:
        scheduler_output = _step(a=1)
        return bool(self.execute_model(scheduler_output))

    def execute_model(self, _: Any) -> None:
        raise self.error


class _Late(_Engine):
    """Fails with a result, when nobody knows any more which step was the last."""

    def step(self) -> bool:
        scheduler_output = _step(a=1)
        return bool(self.result(scheduler_output))

    def result(self, _: Any) -> None:
        raise self.error


MEMORY = torch.OutOfMemoryError


@pytest.fixture
def went_on(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The steps after which an engine went on."""
    steps: list[Any] = []
    monkeypatch.setattr(shim, "_go_on", lambda core, failed, reason: steps.append(failed.step))
    return steps


def _run(monkeypatch: pytest.MonkeyPatch, engine: type[_Engine], *arguments: Any) -> bool:
    from vllm.v1.engine import core
    from vllm.v1.executor.uniproc_executor import UniProcExecutor

    monkeypatch.setattr(core, "EngineCoreProc", type("Core", (engine,), {}))
    monkeypatch.setattr(UniProcExecutor, "sample_tokens", UniProcExecutor.sample_tokens)
    shim.install()
    done: bool = core.EngineCoreProc(*arguments)._process_engine_step()
    return done


@pytest.mark.parametrize(("ahead", "v2"), [(True, True), (False, True), (False, False)])
def test_engines_that_go_on(
    monkeypatch: pytest.MonkeyPatch, went_on: list[Any], ahead: bool, v2: bool
) -> None:
    assert _run(monkeypatch, _Engine, MEMORY("no more"), 1, ahead, v2)
    assert went_on == [_step(a=1)]


@pytest.mark.parametrize(
    ("engine", "error", "gpus", "ahead", "v2"),
    [
        (_Engine, RuntimeError, 1, True, True),
        (_Engine, MEMORY, 2, True, True),
        (_Engine, MEMORY, 1, True, False),
        (_Late, MEMORY, 1, True, True),
    ],
    ids=[
        "another error",
        "several GPUs",
        "ahead with the V1 runner",
        "not in a call of the executor",
    ],
)
def test_other_engines_end(
    monkeypatch: pytest.MonkeyPatch,
    went_on: list[Any],
    engine: type[_Engine],
    error: type[Exception],
    gpus: int,
    ahead: bool,
    v2: bool,
) -> None:
    with pytest.raises(error, match="what the device said"):
        _run(monkeypatch, engine, error("what the device said"), gpus, ahead, v2)
    assert not went_on
