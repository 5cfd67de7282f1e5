"""Engines of the tiny model on the CPU, in one process, whose memory is said to spill."""

from __future__ import annotations

import os
from typing import Any

import pytest
from vllm_gfx import envs
from vllm_gfx.engine import refuse_when_spilled
from vllm_gfx.vram import counters, monitor, session

from tests.support import fresh, tinylm
from tests.vram.fake_counters import GIB, MIB, Fake, on_card
from tests.vram.test_session import Logger

PROMPT = {"prompt_token_ids": [5, 6, 7]}
FEW, MUCH = on_card(100 * MIB), on_card(3 * GIB)


def _engine(readings: list[Any]) -> Any:
    """An engine with this process's counters faked; nobody looks but the test."""
    from vllm import LLM

    counters.here = lambda: Fake(readings)
    monitor.SECONDS = 3600.0
    return LLM(
        str(tinylm.copy(tinylm.ORIGINAL)),
        dtype="float32",
        max_model_len=256,
        skip_tokenizer_init=True,
        gpu_memory_utilization=0.9,
    )


def _answer(engine: Any) -> list[int]:
    from vllm import SamplingParams

    params = SamplingParams(temperature=0, max_tokens=4, detokenize=False)
    return list(engine.generate(PROMPT, params, use_tqdm=False)[0].outputs[0].token_ids)


def _looks(times: int) -> None:
    assert session._current is not None
    for _ in range(times):
        assert session._current.look()


def warned_and_refused() -> None:
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    logger = Logger()
    session.logger = logger  # type: ignore[assignment]
    engine = _engine([{}, FEW, MUCH, MUCH, MUCH, FEW])
    expected = _answer(engine)
    assert logger.lines == []
    _looks(3)
    assert _answer(engine) == expected, "warning changes nothing"
    (line,) = logger.lines
    assert "2.9 GiB of this engine's GPU memory are in system memory" in line
    assert "or restart with --gpu-memory-utilization 0." in line
    assert session._current is not None
    session._current.refuses = True  # as if VLLM_GFX_ON_SPILL had said so
    with pytest.raises(session.Spilled, match=r"^2\.9 GiB .* in system memory.*; .*restart with"):
        _answer(engine)
    _looks(1)
    assert _answer(engine) == expected, "it is over, and the refused request left nothing behind"
    assert session.observed() == (True, "")
    session.end(session._current)


def test_an_engine_warns_or_refuses() -> None:
    fresh.run(warned_and_refused)


def test_the_hook_is_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, upstream asks the platform: do it there, and delete the shim."""
    import vllm.v1.engine.core  # noqa: F401 - tells the shim that an engine may run here

    monkeypatch.setenv(envs.ON_SPILL, envs.REFUSE)
    assert refuse_when_spilled.needed()
    monkeypatch.setenv(envs.ON_SPILL, envs.WARN)
    assert not refuse_when_spilled.needed()


def test_it_is_never_installed_on_linux() -> None:
    assert refuse_when_spilled.APPLIES == ("win32",)
