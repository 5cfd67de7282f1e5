"""One step that runs out of memory ends vLLM's engine, and every request with it.

PyTorch's allocator raises and is as good as before, so one request has to go, not all: the one with
the most tokens in the step that failed, which is what made it large. The others start again from
their prompts and what they had generated, as vLLM's scheduler does when it lacks KV blocks.

Only for an engine of one GPU. With several, the workers are in the middle of a collective call that
one of them never reaches; then the engine ends, as upstream's does.
"""

from __future__ import annotations

import gc
import inspect
import sys
from types import TracebackType
from typing import Any

import torch
from vllm.logger import init_logger

APPLIES = ("linux", "win32")
TARGET = "vllm.v1.engine.core.EngineCoreProc._process_engine_step (in the engine's process)"
UPSTREAM = "vllm/v1/engine/core.py, run_engine_core"
REMOVE_WHEN = "EngineCoreProc goes on after torch.OutOfMemoryError in a step"

logger = init_logger("vllm.plugins.gfx")

_STEPS = ("step", "step_with_batch_queue")


def needed() -> bool:
    """Whether this process may run an engine, and its loop does not know the error."""
    core = sys.modules.get("vllm.v1.engine.core")
    return core is not None and "OutOfMemory" not in inspect.getsource(core)


def install() -> None:
    """Go on after torch.OutOfMemoryError; upstream's loop takes any other error."""
    from vllm.v1.engine.core import EngineCoreProc

    original = EngineCoreProc._process_engine_step

    def _process_engine_step(self: Any) -> bool:
        try:
            done: bool = original(self)
            return done
        except torch.OutOfMemoryError as error:
            if self.vllm_config.parallel_config.world_size_across_dp > 1:
                raise
            step, reason = _failed_step(error.__traceback__), str(error)
            if step is None:
                raise
        # Outside of the handler: the error's frames hold the tensors of the failed step.
        _go_on(self, step, reason)
        return True

    EngineCoreProc._process_engine_step = _process_engine_step


def _failed_step(traceback: TracebackType | None) -> Any:
    """What was scheduled for the step that failed; only its frame knows."""
    found = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_name in _STEPS:
            found = traceback.tb_frame.f_locals.get("scheduler_output")
        traceback = traceback.tb_next
    return found


def _go_on(core: Any, step: Any, reason: str) -> None:
    """Fail one request of `step`, let the others of the engine start again."""
    from vllm.v1.request import RequestStatus

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    _finish_earlier_steps(core)
    scheduled: dict[str, int] = step.num_scheduled_tokens
    requests = core.scheduler.requests
    for name, tokens in scheduled.items():
        if name in requests:  # its output will not come
            requests[name].num_in_flight_tokens -= tokens
    left = [name for name in scheduled if name in requests]
    if left:
        largest = max(reversed(left), key=scheduled.__getitem__)  # of equals the last to come
        client = requests[largest].client_index
        core.scheduler.finish_requests(largest, RequestStatus.FINISHED_ERROR)
        core._send_error_outputs_to_client([largest], client)
        logger.error(
            "out of memory in a step of %d tokens: request %s, %d of them, has failed; the other "
            "%d start again. Lower --max-num-batched-tokens or --gpu-memory-utilization. (%s)",
            sum(scheduled.values()),
            largest,
            scheduled[largest],
            len(left) - 1,
            reason.splitlines()[0],
        )
    core.scheduler.reset_prefix_cache(reset_running_requests=True)


def _finish_earlier_steps(core: Any) -> None:
    """Hand out what steps before the failed one have computed (asynchronous scheduling)."""
    while core.batch_queue:
        future, earlier, _ = core.batch_queue.pop()
        outputs = core.scheduler.update_from_output(earlier, future.result())
        for output in outputs.items():
            core.output_queue.put_nowait(output)
