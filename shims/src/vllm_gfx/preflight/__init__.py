"""Before the engine starts: refuse, in one line, what could only end in a traceback later.

`check_machine()` needs no vLLM: `vllm-gfx serve` asks it before importing anything. The GPU
platforms call `check(vllm_config)`, which `LLM(...)` passes too. On the cpu target neither does
anything.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from vllm_gfx import envs, simulation

_log = logging.getLogger("vllm.plugins.gfx")  # under `vllm`, whose handlers print it


def check_machine() -> None:
    """Raise Refusal unless torch sees a GPU that this environment is built for.

    On every target, for a variable of ours with a value that means nothing.
    """
    from gfx_kernels import targets

    envs.on_spill()
    if envs.simulated_target() or targets.built_for() == targets.REFERENCE:
        return
    _refuse_gpus(1)


def check(vllm_config: Any) -> None:
    """Raise Refusal for a GPU that is not served, or too little of its memory for the model."""
    import torch

    from vllm_gfx.preflight import room
    from vllm_gfx.vram import estimate

    parallel = vllm_config.parallel_config
    gpus = parallel.local_world_size * parallel.data_parallel_size_local
    if not gpus:
        return  # the engines are on other hosts
    if simulation.on_cpu():
        return
    if not envs.simulated_target():
        _refuse_gpus(gpus)
    if torch.cuda.is_available() and torch.cuda.memory_allocated():
        return  # a copy of the configuration, made for a draft while the model is loaded
    if vllm_config.model_config is not None:
        cards = room.cards(torch, gpus)
        estimate.cap(vllm_config, cards)
        room.check(vllm_config, cards)


def _refuse_gpus(count: int) -> None:
    from vllm_gfx.preflight import gpus
    from vllm_gfx.preflight.world import here

    world = here(os.environ)
    if (refusal := gpus.refusal(world, count)) is not None:
        raise refusal
    for remark in gpus.remarks(world):
        _log.info("%s", remark)
