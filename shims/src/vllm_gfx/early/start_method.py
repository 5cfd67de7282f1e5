"""vLLM starts its processes by fork unless told otherwise, and Windows has no fork.

Without this the engine's process ends in "cannot find context for 'fork'".
"""

from __future__ import annotations

import multiprocessing
import os

APPLIES = ("win32",)
TARGET = "os.environ: VLLM_WORKER_MULTIPROC_METHOD"
UPSTREAM = "vllm/envs.py, VLLM_WORKER_MULTIPROC_METHOD: fork unless it is set"
REMOVE_WHEN = "vLLM's default is a start method that this system has"

METHOD = "VLLM_WORKER_MULTIPROC_METHOD"


def needed() -> bool:
    """Whether upstream's default is impossible here, and nothing else was asked for."""
    return METHOD not in os.environ and "fork" not in multiprocessing.get_all_start_methods()


def install() -> None:
    """Choose spawn, with vLLM's own option."""
    os.environ[METHOD] = "spawn"
