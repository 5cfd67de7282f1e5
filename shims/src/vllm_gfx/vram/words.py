"""What a spill is called, and what would end it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from vllm_gfx.machine.memory import gib
from vllm_gfx.preflight import need, room
from vllm_gfx.vram.watch import Event


@dataclass(frozen=True)
class Plan:
    """What an engine planned with: the GPU's bytes, its share of them, else bytes of KV cache."""

    total: int
    share: float
    kv_bytes: int | None = None


def spill(event: Event, remedy: str) -> str:
    """One line for a spill, or for its end."""
    used = event.usage
    if not event.spilled:
        return f"GPU memory is back on the GPU ({gib(used.dedicated)} of it in use)"
    return (
        f"{gib(event.spilled)} of this engine's GPU memory are in system memory, because the GPU "
        f"is full (on the GPU {gib(used.dedicated)}, shared {gib(used.shared)}): Windows moves "
        f"them unasked, and steps get slower; {remedy}"
    )


def remedy(spilled: int, plan: Plan, config: Any) -> str:
    """Settings by which `spilled` bytes less are used, checked against what the model needs."""
    others = "end other programs on the GPU"
    if plan.kv_bytes is not None:
        less = max(0, plan.kv_bytes - spilled)
        return f"{others}, or restart with --kv-cache-memory-bytes {less}"
    share = math.floor((plan.share - spilled / plan.total) * 100) / 100
    wanted = need.of(config)
    given = int(share * plan.total)
    if wanted.total() <= given:
        return f"{others}, or restart with --gpu-memory-utilization {share:g}"
    if length := room.longest(wanted, given):
        return (
            f"{others}, or restart with --gpu-memory-utilization {share:g} --max-model-len {length}"
        )
    return f"{others}, or restart with a smaller --max-num-batched-tokens and --max-num-seqs"
