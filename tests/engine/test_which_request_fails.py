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

    def finish_requests(self, name: str, status: Any) -> None:
        self.told.append(("failed", name, status.name))

    def reset_prefix_cache(self, reset_running_requests: bool) -> None:
        left = {name: r.num_in_flight_tokens for name, r in self.requests.items()}
        self.told.append(("again", reset_running_requests, left))

    def update_from_output(self, step: Any, output: str) -> dict[int, str]:
        for name, tokens in step.num_scheduled_tokens.items():
            self.requests[name].num_in_flight_tokens -= tokens
        return {7: output}


def _core(in_flight: dict[str, int], earlier: list[Any] | None = None) -> Any:
    sent: list[Any] = []
    return SimpleNamespace(
        scheduler=_Scheduler(in_flight),
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
    shim._go_on(core, _step(**tokens), "out of memory")
    (_, name, status), (_, everybody, left) = core.scheduler.told
    assert (name, status, everybody) == (fails, "FINISHED_ERROR", True)
    assert core.sent == [([fails], 7)]
    assert set(left.values()) == {0}, "no output of the failed step will come"


def test_what_earlier_steps_computed_is_handed_out() -> None:
    """Asynchronous scheduling: the step before is still in flight when the next one fails."""
    future: Future[str] = Future()
    future.set_result("tokens")
    core = _core({"a": 2, "b": 300}, [(future, _step(a=1), future)])
    shim._go_on(core, _step(a=1, b=300), "out of memory")
    assert core.output_queue.get_nowait() == (7, "tokens") and not core.batch_queue
    assert core.scheduler.told[-1] == ("again", True, {"a": 0, "b": 0})


def test_the_failed_step_is_found_in_its_frame() -> None:
    def step() -> None:
        scheduler_output = "this one"
        raise torch.OutOfMemoryError(scheduler_output)

    with pytest.raises(torch.OutOfMemoryError) as told:
        step()
    assert shim._failed_step(told.value.__traceback__) == "this one"
    assert shim._failed_step(None) is None


class _Engine:
    """Stands for EngineCoreProc: a step that fails for a reason, on so many GPUs."""

    def __init__(self, error: Exception, gpus: int = 1) -> None:
        parallel = SimpleNamespace(world_size_across_dp=gpus)
        self.vllm_config = SimpleNamespace(parallel_config=parallel)
        self.error = error

    def _process_engine_step(self) -> bool:
        raise self.error


@pytest.mark.parametrize(
    ("error", "gpus"),
    [
        (RuntimeError("HIP error: an illegal memory access"), 1),
        (torch.OutOfMemoryError("with several GPUs"), 2),
        (torch.OutOfMemoryError("outside of a step"), 1),
    ],
)
def test_other_errors_end_the_engine(
    monkeypatch: pytest.MonkeyPatch, error: Exception, gpus: int
) -> None:
    from vllm.v1.engine import core

    monkeypatch.setattr(core, "EngineCoreProc", type("Core", (_Engine,), {}))
    shim.install()
    with pytest.raises(type(error), match=str(error)):
        core.EngineCoreProc(error, gpus)._process_engine_step()
