"""An engine that lacks memory at its start says so in three tracebacks, of 120 lines.

vLLM logs the error, lets it end the engine's process too, and then the server says where it waited.
What is checked before (`vllm_gfx.preflight`) is a lower bound, so a model may pass and lack the
rest. Here it is one line, of the KV cache with what is missing; refusals of ours end like it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from vllm_gfx import on_import
from vllm_gfx.machine.memory import GIB, gib
from vllm_gfx.refusal import Refusal

APPLIES = ("linux", "win32")
TARGET = "vllm.v1.engine.core.EngineCoreProc.__init__"
UPSTREAM = (
    "vllm/v1/engine/core.py, EngineCoreProc.run_engine_core; vllm/v1/core/kv_cache_utils.py, "
    "_check_enough_kv_cache_memory"
)
REMOVE_WHEN = "a start that lacks memory ends in one line with what is missing"

_EXIT_CODE = 2  # of the engine's process; the server ends as for any other reason
_SMALLER = "use a smaller model or a 4-bit copy"


def needed() -> bool:
    """Always: vLLM is not imported yet, so there is nothing to ask."""
    return True


def install() -> None:
    """Replace both as soon as they are there."""
    on_import.call("vllm.v1.engine.core", _end_in_a_line)
    on_import.call("vllm.v1.core.kv_cache_utils", _say_what_is_missing)


def _end_in_a_line(core: ModuleType) -> None:
    """In an engine's own process; in another the error is for whoever made the engine."""
    original = core.EngineCoreProc.__init__

    @functools.wraps(original)
    def start(*args: Any, **kwargs: Any) -> None:
        from torch import OutOfMemoryError
        from vllm.logger import init_logger

        try:
            original(*args, **kwargs)
        except (Refusal, OutOfMemoryError) as error:
            said = error if isinstance(error, Refusal) else _out_of_memory(str(error))
            init_logger("vllm.plugins.gfx").error("the engine does not start: %s", said)
            raise SystemExit(_EXIT_CODE) from None

    core.EngineCoreProc.__init__ = start  # type: ignore[attr-defined]


def _out_of_memory(said: str) -> Refusal:
    """`said`: by PyTorch, whose advice about its allocator is left out."""
    what, free, _ = said.partition(" is free.")
    remedy = (
        "end other programs on the GPU, give a lower --max-num-batched-tokens and --max-num-seqs"
    )
    return Refusal(f"too little GPU memory: {what}{free[:-1]}", f"{remedy}, or {_SMALLER}")


def _say_what_is_missing(kv_cache_utils: ModuleType) -> None:
    original = kv_cache_utils._check_enough_kv_cache_memory

    @functools.wraps(original)
    def check(
        left: int, wanted: Callable[[], int], length: int, longest: Callable[[int], int]
    ) -> None:
        try:
            original(left, wanted, length, longest)
        except ValueError as error:
            raise _no_room(left, wanted(), length, longest) from error

    kv_cache_utils._check_enough_kv_cache_memory = check  # type: ignore[attr-defined]


def _no_room(left: int, wanted: int, length: int, longest: Callable[[int], int]) -> Refusal:
    """`left`: bytes beside the model and a step, below 0 if those already take more than given."""
    missing = gib(max(0.1 * GIB, wanted - left))  # never "0.0 GiB are missing"
    shorter = longest(left) if left > 0 else 0
    fits = f"would fit: --max-model-len {shorter}; or " if shorter else ""
    more = f"give {missing} more by --gpu-memory-utilization (by --kv-cache-memory-bytes, if given)"
    return Refusal(
        f"too little memory: {missing} are missing for the KV cache of one request of {length} "
        f"tokens ({gib(wanted)} are needed, {gib(max(0, left))} are left beside the model)",
        f"{fits}{more}, or {_SMALLER}",
    )
