"""Torch can be built without torch.distributed, as some wheels for Windows are; vLLM cannot do so.

It names groups and stores from its first import on, also where there is one GPU and one process.
Torch itself goes on without: is_available() still says False.

Importing torch here costs a process nothing: on Windows nothing has to come before it, and
`vllm/env_override.py` imports it next. Anything later than this is too late.
"""

from __future__ import annotations

APPLIES = ("win32",)
TARGET = "torch.distributed"
UPSTREAM = "torch/distributed/__init__.py, is_available; vllm/distributed/{parallel_state,utils}.py"
REMOVE_WHEN = "no wheel of torch for Windows is built with USE_DISTRIBUTED=0"


def needed() -> bool:
    """Whether torch was built without it."""
    import torch.distributed  # not at the top: only Windows imports torch this early

    return not torch.distributed.is_available()


def install() -> None:
    """A world of one process in its place."""
    from vllm_gfx.stand_ins import distributed

    distributed.install()
