"""What a spill is called, and what would end it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from vllm_gfx.machine.memory import gib
from vllm_gfx.preflight import need, room
from vllm_gfx.preflight.need import Need
from vllm_gfx.vram.watch import Event

_SMALLER_STEPS = "a smaller --max-num-batched-tokens and --max-num-seqs"


def spill(event: Event) -> str:
    """What is wrong."""
    used = event.usage
    return (
        f"{gib(event.spilled)} of this engine's GPU memory are in system memory, because the GPU "
        f"is full (on the GPU {gib(used.dedicated)}, shared {gib(used.shared)}): Windows moves "
        "them unasked, and steps get slower"
    )


def over(event: Event) -> str:
    """That it is over."""
    return f"GPU memory is back on the GPU ({gib(event.usage.dedicated)} of it in use)"


@dataclass(frozen=True)
class Plan:
    """What an engine planned with: bytes of the GPU, its share of them, else bytes of KV cache."""

    total: int
    share: float
    kv_bytes: int | None
    wanted: Need

    @classmethod
    def of(cls, vllm_config: Any, total: int) -> Plan:
        """The plan of an engine on a GPU of `total` bytes; reads the checkpoint's headers."""
        cache = vllm_config.cache_config
        share, kv_bytes = cache.gpu_memory_utilization, cache.kv_cache_memory_bytes
        return cls(total, share, kv_bytes, need.of(vllm_config))

    def remedy(self, spilled: int) -> str:
        """What to do: settings by which `spilled` bytes less are used, and the model still fits."""
        return f"end other programs on the GPU, or restart with {self._flags(spilled)}"

    def _flags(self, spilled: int) -> str:
        if self.kv_bytes is not None:
            left = self.kv_bytes - spilled
            return f"--kv-cache-memory-bytes {left}" if left > 0 else _SMALLER_STEPS
        share = math.floor((self.share - spilled / self.total) * 100) / 100
        given = int(share * self.total)
        if self.wanted.total() <= given:
            return f"--gpu-memory-utilization {share:g}"
        if length := room.longest(self.wanted, given):
            return f"--gpu-memory-utilization {share:g} --max-model-len {length}"
        return _SMALLER_STEPS
