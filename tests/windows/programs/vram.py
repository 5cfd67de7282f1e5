"""GPU memory by Windows' counters, which Wine's pdh.dll does not have. Prints what is said."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import Any

from vllm_gfx import envs
from vllm_gfx.doctor import shared_memory
from vllm_gfx.refusal import Refusal
from vllm_gfx.vram import counters, session

GIB = 2**30
CONFIG = SimpleNamespace(
    cache_config=SimpleNamespace(gpu_memory_utilization=0.9, kv_cache_memory_bytes=None)
)


class Logger:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, line: str, *arguments: object) -> None:
        self.lines.append(line % arguments)


def with_a_gpu() -> Any:
    """What torch says of a card; the rig has none."""
    import torch

    torch.cuda.is_available = lambda: True
    torch.cuda.current_device = lambda: 0
    torch.cuda.get_device_properties = lambda _: SimpleNamespace(is_integrated=False)


def begun() -> list[str]:
    """What an engine says that cannot be watched, from its start to its end."""
    session.logger = Logger()
    session.begin(CONFIG, lambda: 20 * GIB)
    session.started(lambda: 0)
    session.end(session._current)
    return list(session.logger.lines)


def refused() -> str:
    os.environ[envs.ON_SPILL] = envs.REFUSE
    try:
        session.begin(CONFIG, lambda: 20 * GIB)
    except Refusal as refusal:
        return str(refusal)
    return ""


def main() -> None:
    without = begun()
    with_a_gpu()
    answers = {
        "spills": counters.spills(),
        "doctor": shared_memory.facts(),
        "finding": [str(finding) for finding in shared_memory.check()],
        "without a GPU": without,
        "engine": begun(),
        "refuse": refused(),
    }
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
