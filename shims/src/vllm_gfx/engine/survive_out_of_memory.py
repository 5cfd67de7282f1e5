"""One step that runs out of memory ends vLLM's engine, and every request with it.

PyTorch's allocator raises and is as good as before, so one request has to go, not all: the one with
the most tokens in the step that failed, which is what made it large. The others start again from
their prompts and what they had generated, as vLLM's scheduler does when it lacks KV blocks.

Only for an engine of one GPU. With several, the workers are in the middle of a collective call that
one of them never reaches; then the engine ends, as upstream's does. So does one that runs ahead of
its outputs with the V1 model runner, which keeps the tokens of the step that failed.
"""

from __future__ import annotations

import functools
import gc
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from vllm.logger import init_logger

APPLIES = ("linux", "win32")
TARGET = (
    "vllm.v1.engine.core.EngineCoreProc._process_engine_step, "
    "vllm.v1.executor.uniproc_executor.UniProcExecutor.sample_tokens (in the engine's process)"
)
UPSTREAM = "vllm/v1/engine/core.py, run_engine_core"
REMOVE_WHEN = "EngineCoreProc goes on after torch.OutOfMemoryError in a step"

logger = init_logger("vllm.plugins.gfx")

_STEPS = ("step", "step_with_batch_queue")
_CALLS = ("execute_model", "sample_tokens")  # of the executor, by a step


def needed() -> bool:
    """Whether this process may run an engine, and its loop does not know the error."""
    core = sys.modules.get("vllm.v1.engine.core")
    return core is not None and "OutOfMemory" not in inspect.getsource(core)


def install() -> None:
    """Go on after torch.OutOfMemoryError; upstream's loop takes any other error."""
    from vllm.v1.engine.core import EngineCoreProc
    from vllm.v1.executor.uniproc_executor import UniProcExecutor

    original = EngineCoreProc._process_engine_step

    def _process_engine_step(self: Any) -> bool:
        try:
            done: bool = original(self)
            return done
        except torch.OutOfMemoryError as error:
            failed, reason = _failed(error.__traceback__), str(error)
            if failed is None or not _can_go_on(self.vllm_config):
                raise
        # Outside of the handler: the error's frames hold the tensors of the failed step.
        _go_on(self, failed, reason)
        return True

    EngineCoreProc._process_engine_step = _process_engine_step
    UniProcExecutor.sample_tokens = at_once(UniProcExecutor.sample_tokens)


def at_once(original: Callable[..., Any]) -> Callable[..., Any]:
    """A `sample_tokens` that raises its error, as `execute_model` does.

    Upstream keeps it until the step's turn has come, and computes another step without the tokens.
    """

    @functools.wraps(original)
    def sample_tokens(self: Any, grammar_output: Any, non_block: bool = False) -> Any:
        output = original(self, grammar_output, non_block)
        if non_block and output.done():
            output.result()
        return output

    return sample_tokens


def _can_go_on(config: Any) -> bool:
    ahead_in_v1 = config.scheduler_config.async_scheduling and not config.use_v2_model_runner
    return config.parallel_config.world_size_across_dp == 1 and not ahead_in_v1


@dataclass
class Failed:
    """A step that failed, as the scheduler made it, and what the step before it gave.

    `outputs` are of a step that waited for those of the one before, because of its grammar; the
    error came before upstream could hand them out.
    """

    step: Any
    outputs: Mapping[int, Any]


def _failed(traceback: TracebackType | None) -> Failed | None:
    """What a step of the executor's failed with; only its caller's frame knows."""
    while traceback is not None and (inner := traceback.tb_next) is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name in _STEPS and inner.tb_frame.f_code.co_name in _CALLS:
            known = frame.f_locals
            step = known.get("deferred_scheduler_output") or known["scheduler_output"]
            return Failed(step, known.get("engine_core_outputs") or {})
        traceback = inner
    return None


def _go_on(core: Any, failed: Failed, reason: str) -> None:
    """Fail one request of the step, let the others of the engine start again."""
    from vllm.v1.request import RequestStatus

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    _hand_out(core, failed.outputs)
    _finish_earlier_steps(core)
    scheduled: dict[str, int] = failed.step.num_scheduled_tokens
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
    # The scheduler takes the images of the failed step for encoded.
    core.scheduler.reset_encoder_cache()
    core.model_executor.reset_encoder_cache()


def _finish_earlier_steps(core: Any) -> None:
    """Hand out what steps before the failed one have computed (asynchronous scheduling)."""
    while core.batch_queue:
        future, earlier, _ = core.batch_queue.pop()
        _hand_out(core, core.scheduler.update_from_output(earlier, future.result()))


def _hand_out(core: Any, outputs: Mapping[int, Any]) -> None:
    for output in outputs.items():
        core.output_queue.put_nowait(output)
