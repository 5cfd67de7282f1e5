"""Steps in vLLM's own queue of batches, with an executor and a scheduler that only write down."""

from __future__ import annotations

import queue
from collections import deque
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import vllm.v1.engine.core as upstream
from vllm.v1.executor.uniproc_executor import UniProcExecutor
from vllm_gfx.engine import survive_out_of_memory as shim

FAILS = 2  # the step, counted from 1
EXECUTOR = ("execute_model", "sample_tokens")


class _Executor(UniProcExecutor):
    """`fails`: in which of EXECUTOR step FAILS runs out of memory."""

    def __init__(self, fails: str) -> None:
        self.fails, self.step = fails, 0

    def collective_rpc(self, method: Any, *, args: Any = (), non_block: Any = 0, **_: Any) -> Any:
        if method == "execute_model":
            self.step = args[0].number
        done: Any = upstream.Future()
        if method == self.fails and self.step == FAILS:
            done.set_exception(torch.OutOfMemoryError("HIP out of memory"))
        else:
            done.set_result(f"tokens of step {self.step}" if method == "sample_tokens" else None)
        return done


class _Scheduler:
    """Of one request, each of whose steps waits for the one before it if `grammar`.

    Step 1 is of one token, step 2 of two: they can be told apart.
    """

    def __init__(self, grammar: bool) -> None:
        self.requests = {"a": SimpleNamespace(num_in_flight_tokens=0, client_index=0)}
        self.told: list[Any] = []
        self.steps, self.grammar = 0, grammar

    def has_requests(self) -> bool:
        return True

    def schedule(self, _: Any) -> Any:
        self.steps += 1
        self.requests["a"].num_in_flight_tokens += self.steps
        return SimpleNamespace(
            number=self.steps,
            num_scheduled_tokens={"a": self.steps},
            total_num_scheduled_tokens=self.steps,
            pending_structured_output_tokens=self.grammar and self.steps > 1,
        )

    def get_grammar_bitmask(self, _: Any) -> None:
        return None

    def update_from_output(self, step: Any, output: str) -> dict[int, str]:
        assert output == f"tokens of step {step.number}"
        self.requests["a"].num_in_flight_tokens -= step.number
        return {0: output}

    def finish_requests(self, name: str, _: Any) -> None:
        self.told.append(("failed", name, self.requests.pop(name).num_in_flight_tokens))

    def reset_prefix_cache(self, reset_running_requests: bool) -> None:
        self.told.append(("again", reset_running_requests))

    def reset_encoder_cache(self) -> None:
        pass


class _Core:
    step_with_batch_queue = upstream.EngineCoreProc.step_with_batch_queue

    def __init__(self, scheduler: _Scheduler, executor: _Executor) -> None:
        self.scheduler, self.model_executor = scheduler, executor
        self.batch_queue: Any = deque(maxlen=2)
        self.batch_queue_size = 2
        self.output_queue: queue.Queue[Any] = queue.Queue()
        self.is_mm_encoder_only = self.is_pooling_model = self.check_for_draft_tokens = False
        self.vllm_config = SimpleNamespace(
            parallel_config=SimpleNamespace(world_size_across_dp=1),
            scheduler_config=SimpleNamespace(async_scheduling=True),
            use_v2_model_runner=True,
        )
        self.step_fn = self.step_with_batch_queue

    def _process_engine_step(self) -> bool:
        outputs, executed = self.step_fn()
        for output in outputs.items() if outputs else ():
            self.output_queue.put_nowait(output)
        return bool(executed)

    def _should_throttle_prefills(self) -> bool:
        return False

    def log_error_detail(self, _: Any) -> Any:
        return nullcontext()

    capture_iteration_details = log_error_detail

    def _nothing(self, *_: Any) -> None:
        pass

    _process_aborts_queue = _attach_iteration_details = _attach_weight_version = _nothing
    _send_error_outputs_to_client = _nothing


@pytest.mark.parametrize("grammar", [False, True], ids=["plain", "grammar"])
@pytest.mark.parametrize("fails", EXECUTOR)
def test_no_step_is_computed_after_one_that_failed(
    monkeypatch: pytest.MonkeyPatch, fails: str, grammar: bool
) -> None:
    """It would lack the tokens of the one that failed; what the one before it gave is handed out.

    A step with a grammar is sampled after the one before it was handed to the scheduler.
    """
    monkeypatch.setattr(upstream, "EngineCoreProc", _Core)
    monkeypatch.setattr(_Core, "_process_engine_step", _Core._process_engine_step)
    monkeypatch.setattr(UniProcExecutor, "sample_tokens", UniProcExecutor.sample_tokens)
    shim.install()
    core = _Core(_Scheduler(grammar), _Executor(fails))
    while not core.scheduler.told:
        assert core._process_engine_step()
    assert core.scheduler.steps == FAILS
    assert core.scheduler.told == [("failed", "a", 0), ("again", True)]
    assert core.output_queue.get_nowait() == (0, "tokens of step 1")
    assert core.output_queue.empty() and not core.batch_queue
