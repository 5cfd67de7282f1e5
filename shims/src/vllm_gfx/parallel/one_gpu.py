"""Refuses more than one GPU for an engine on Windows, where they could not talk to each other."""

from __future__ import annotations

import sys
from typing import Any

from vllm_gfx.refusal import Refusal

# vLLM's settings that ask for more than one worker, as flags.
SETTINGS = (
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "data_parallel_size",
    "prefill_context_parallel_size",
)
BACKENDS = ("distributed_executor_backend", "data_parallel_backend")
INSTEAD = (
    "leave it out and start one replica per GPU, which share the requests behind one address: "
    "vllm-gfx replicas MODEL --gpus 0,1"
)


def check(parallel_config: Any) -> None:
    """Raise Refusal on Windows if vLLM's `ParallelConfig` asks for several GPUs or for Ray."""
    if sys.platform != "win32":
        return
    for setting in SETTINGS:
        if (size := getattr(parallel_config, setting, 1)) > 1:
            flag = f"--{setting.replace('_', '-')} {size}"
            raise Refusal(
                f"{flag}: on Windows GPUs cannot work on one model together (there is no RCCL)",
                INSTEAD,
            )
    for setting in BACKENDS:
        if getattr(parallel_config, setting, None) == "ray":
            raise Refusal(f"--{setting.replace('_', '-')} ray: not on Windows", INSTEAD)
