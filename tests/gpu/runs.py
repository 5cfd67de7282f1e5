"""The engines of these tests, by mode: one child process a mode, its engines one after another.

All modes are started together, and tests wait for the one they look at: a borrowed GPU is waiting.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from vllm_gfx import envs

from tests.gpu import expected
from tests.support import engine, mixed, tinylm

GFX = "gfx1100"  # what an NVIDIA GPU stands for, unless VLLM_GFX_SIMULATE says otherwise
# A fixed cache: several engines share the GPU, so none may take what is free.
MEMORY: dict[str, Any] = {"kv_cache_memory_bytes": 1 << 28, "gpu_memory_utilization": 0.1}
SIZES = [1, 2, 4, 8, 16, 32, 64]
MODES: dict[str, dict[str, Any]] = {
    "eager": {"enforce_eager": True},
    "graph": {
        "compilation_config": {
            "mode": 0,
            "cudagraph_mode": "FULL_DECODE_ONLY",
            "cudagraph_capture_sizes": SIZES,
        }
    },
    "compile": {"compilation_config": {"mode": 3, "cudagraph_capture_sizes": SIZES}},
}
# Which copies are run in a mode: every format's kernel eagerly, each kind of layer in the others.
COPIES = {
    "eager": expected.COPIES,
    "graph": (tinylm.ORIGINAL, "gptq-g128", "awq-g128", "ct-asym-g32"),
    "compile": (tinylm.ORIGINAL, "gptq-g128"),
}
CHUNKED, LORA, MIXED = "chunked prefill, prefix cache", "LoRA", "mixed"
CHUNK = 64  # tokens a step
MIXED_TOKENS = 24
MIXED_COPIES = (tinylm.ORIGINAL, "gptq-g128")


@dataclass(frozen=True)
class Engine:
    """One engine of one mode: it runs `what`, a copy's name, CHUNKED or LORA."""

    mode: str
    what: str
    ask: engine.Ask


def plan(adapter: Path) -> list[Engine]:
    """Every engine, in the order in which each mode's process starts its own."""
    ids = expected.prompt_ids()
    found = []
    for mode, settings in MODES.items():
        llm = {**MEMORY, **settings}
        asks = expected.asks(list(COPIES[mode]), ids, **llm)
        for copy, ask in zip(COPIES[mode], asks, strict=True):
            ask.jobs.append(expected.forced(copy, ids))
        found += [Engine(mode, *both) for both in zip(COPIES[mode], asks, strict=True)]
    eager, graph = ({**MEMORY, **MODES[mode]} for mode in ("eager", "graph"))
    (lora,) = expected.asks([tinylm.ORIGINAL], ids, str(adapter), **graph)
    found += [Engine("eager", CHUNKED, _chunked(ids, eager)), Engine("graph", LORA, lora)]
    return found + [Engine(MIXED, copy, _mixed(copy, ids, graph)) for copy in MIXED_COPIES]


def _chunked(ids: list[list[int]], llm: dict[str, Any]) -> engine.Ask:
    """All prompts twice, in pieces; the second time they are in the prefix cache."""
    (ask,) = expected.asks([tinylm.ORIGINAL], ids, **llm)
    ask.llm |= {"enable_prefix_caching": True, "max_num_batched_tokens": CHUNK, "max_num_seqs": 16}
    ask.jobs *= 2
    return ask


def _mixed(copy: str, ids: list[list[int]], llm: dict[str, Any]) -> engine.Ask:
    settings = {"dtype": expected.DTYPE, "seed": 0, "enable_prefix_caching": False}
    settings |= {"disable_log_stats": False, **llm, **mixed.MEMORY}
    jobs = mixed.jobs(ids, MIXED_TOKENS)
    return engine.Ask(str(tinylm.copy(copy)), jobs, settings)


# Of MODES: whether it records graphs, whether inductor compiles.
MADE = {"eager": (False, False), "graph": (True, False), "compile": (True, True)}


def ran_as(mode: str, answers: engine.Answers) -> None:
    """Raise AssertionError unless the engine ran as `mode` of MODES says.

    A platform may fall back, and the tokens of one that did are those of the mode it fell back to.
    """
    made = (answers.captured > 0, answers.compiled > 0)
    said = f"{answers.mode}, {answers.captured} graphs, {answers.compiled} compiled pieces"
    assert (answers.mode, made) == (mode, MADE[mode]), f"{mode} was asked for: {said}"


def environment() -> dict[str, str]:
    """For children: an NVIDIA GPU stands for a card of AMD's, one of AMD's for itself."""
    if torch.version.cuda is None or envs.simulated_target():
        return {}
    return {"VLLM_GFX_SIMULATE": GFX}


class Runs:
    """Started engines; `of` waits for one."""

    def __init__(self, adapter: Path) -> None:
        self._engines = plan(adapter)
        modes = dict.fromkeys(e.mode for e in self._engines)
        # One after another with GFX_TESTS_SERIAL=1, where memory or the clock is short.
        serial = os.environ.get("GFX_TESTS_SERIAL") == "1"
        self._pool = ThreadPoolExecutor(1 if serial else len(modes))
        self._of_mode = {mode: self._start(mode) for mode in modes}

    def _start(self, mode: str) -> Future[list[engine.Answers]]:
        asks: Sequence[engine.Ask] = [e.ask for e in self._engines if e.mode == mode]
        return self._pool.submit(engine.run_all, asks, environment())

    def of(self, mode: str, what: str) -> engine.Answers:
        """An engine's answers. Raises AssertionError with its traceback if it failed, or if it ran
        in another mode.
        """
        mine = [e.what for e in self._engines if e.mode == mode]
        answers = self._of_mode[mode].result()[mine.index(what)]
        assert not answers.error, answers.error[-6000:]
        ran_as("graph" if mode == MIXED else mode, answers)
        return answers
