"""vllm_gfx.early.too_little_memory: a start that lacks memory says so in one line, not in 120."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from vllm.v1.core import kv_cache_utils
from vllm.v1.engine.core import EngineCoreProc
from vllm_gfx import serve
from vllm_gfx.early import too_little_memory
from vllm_gfx.refusal import Refusal

from tests.serve.server import READY_SECONDS, Server

GIB = 2**30
TORCH_SAYS = (
    "HIP out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.98 GiB of "
    "which 1.20 GiB is free. Of the allocated memory 6.00 GiB is allocated by PyTorch. If reserved "
    "but unallocated memory is large try setting PYTORCH_ALLOC_CONF=expandable_segments:True"
)


def test_too_little_memory_is_still_needed() -> None:
    assert "raise e\n" in inspect.getsource(EngineCoreProc.run_engine_core)
    upstream = inspect.unwrap(kv_cache_utils._check_enough_kv_cache_memory)
    assert upstream is not kv_cache_utils._check_enough_kv_cache_memory
    with pytest.raises(ValueError, match="No available memory") as raised:
        upstream(-GIB, lambda: GIB, 4096, lambda left: 0)
    assert "missing" not in str(raised.value)


def test_a_server_without_room_for_one_request(start: Callable[..., Server]) -> None:
    """The engine's line, and the server's that it has ended; no line of a traceback."""
    server = start("--max-model-len", "256", "--kv-cache-memory-bytes", "4096")
    assert server.process.wait(READY_SECONDS) == 1
    output = server.output()
    (line,) = (line for line in output.splitlines() if "ERROR" in line)
    assert "the engine does not start: too little memory: 0.1 GiB are missing" in line
    assert "the engine did not start; its reason is above" in output.splitlines()[-1]
    assert "Traceback" not in output


def _checked(left: int) -> str:
    """A request of 8192 tokens needs 2 GiB; a shorter one accordingly less."""
    with pytest.raises(Refusal) as raised:
        kv_cache_utils._check_enough_kv_cache_memory(
            left, lambda: 2 * GIB, 8192, lambda given: given * 4096 // GIB
        )
    return str(raised.value)


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ("{'EngineCore': -9}", ", unless it crashed (Failed core proc(s): {'EngineCore': -9})"),
        ("{}", "the engine did not start; its reason is above"),
    ],
)
def test_the_exit_code_of_one_that_crashed(codes: str, said: str) -> None:
    """Upstream does not always wait for it."""
    upstreams = "Engine core initialization failed. See root cause above. Failed core proc(s): "
    assert serve._no_engine(upstreams + codes).endswith(said)


def test_what_is_missing_and_which_setting_would_fit() -> None:
    said = _checked(GIB // 2)
    assert "1.5 GiB are missing" in said and "0.5 GiB are left" in said
    assert "would fit: --max-model-len 2048; or give 1.5 GiB more by --gpu-mem" in said


def test_weights_that_leave_less_than_nothing() -> None:
    said = _checked(-GIB)
    assert "3.0 GiB are missing" in said and "0.0 GiB are left" in said
    assert "--max-model-len" not in said and "a 4-bit copy" in said


def test_enough_is_enough() -> None:
    kv_cache_utils._check_enough_kv_cache_memory(2 * GIB, lambda: 2 * GIB, 8192, lambda _: 0)


def _core(error: Exception) -> Any:
    """`vllm.v1.engine.core`, whose engine cannot start."""

    def fail(self: Any, name: str) -> None:
        raise error

    core: Any = ModuleType("core")
    core.EngineCoreProc = type("EngineCoreProc", (), {"__init__": fail})
    too_little_memory._end_in_a_line(core)
    return core


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError(TORCH_SAYS), "too little GPU memory: HIP out of memory. Tried"),
        (torch.OutOfMemoryError("HIP error"), "too little GPU memory: HIP error; end other"),
        (Refusal("something", "do this"), "something; do this"),
    ],
)
def test_an_engine_s_process_ends_in_one_line(
    error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(SystemExit) as ended:
        _core(error).EngineCoreProc("a name")
    assert ended.value.code == 2
    (line,) = (row.getMessage() for row in caplog.records)
    assert line.startswith(f"the engine does not start: {said}") and "PYTORCH" not in line
    assert ("1.20 GiB is free; end other programs" in line) == ("Tried" in said)


def test_other_errors_stay_upstream_s() -> None:
    with pytest.raises(ValueError, match="a bug"):
        _core(ValueError("a bug")).EngineCoreProc("a name")
