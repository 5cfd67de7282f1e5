"""Before an engine starts on Windows: which share of the GPU's memory it may plan with.

On Linux a share that is too large ends in an error; here in a spill. So an automatic choice is
lowered, and one that was made is left alone and remarked on. A lower share is a smaller KV cache:
vLLM gives it what the share leaves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from vllm.logger import init_logger

from vllm_gfx import envs
from vllm_gfx.machine.memory import gib
from vllm_gfx.preflight import need
from vllm_gfx.preflight.room import Card
from vllm_gfx.refusal import Refusal
from vllm_gfx.vram import counters, missed

logger = init_logger("vllm.plugins.gfx")  # under `vllm`, whose handlers print it

# What others measured: dense models run without a spill at this share of 20 GiB. The rest is for
# the screen, the runtime and captured graphs.
DENSE = 0.9
# PyTorch's allocator rounds and splits. By this much the bound for the one hybrid model that others
# measured (9B, vocabulary of 248320, 20 GiB) lies between its share that spilled and the clean one.
FRAGMENTED = 1.5


def share(vllm_config: Any, card: Card) -> float:
    """The share of `card` that spills nothing by these sums, rounded down."""
    unseen = FRAGMENTED * sum(missed.found(vllm_config, card.total).values())
    highest = DENSE - unseen / card.total
    if card.free is not None:  # vLLM takes its share whole, or not at all
        highest = min(highest, card.free / card.total)
    return math.floor(highest * 100) / 100


def cap(vllm_config: Any, cards: Sequence[Card]) -> None:
    """Lower the share that vLLM chose by itself, on Windows; remark on one that was given.

    Never below what the model needs at least. A given share that equals vLLM's default cannot be
    told from it. Raises Refusal for a given share with VLLM_GFX_ON_SPILL=refuse.
    """
    refuses = envs.on_spill() == envs.REFUSE
    if not counters.spills() or not cards:
        return
    cache = vllm_config.cache_config
    if cache.kv_cache_memory_bytes is not None:
        return  # bytes that were asked for outright are watched like the rest
    card = min(cards, key=lambda card: card.total)
    if card.integrated:
        return  # its memory is the system's: nothing can move there
    asked, safe = cache.gpu_memory_utilization, share(vllm_config, card)
    if asked <= safe:
        return
    why = _why(vllm_config, card)
    if asked == type(cache).gpu_memory_utilization:
        least = math.ceil(need.of(vllm_config).total() / card.total * 100) / 100
        cache.gpu_memory_utilization = min(asked, max(safe, least))
        logger.info_once(
            "gpu_memory_utilization is %g instead of %g, as it was not given: %s",
            cache.gpu_memory_utilization,
            asked,
            why,
        )
    elif refuses:
        what = f"--gpu-memory-utilization {asked:g} may spill: {why}"
        raise Refusal(what, f"give {safe:g}, or unset {envs.ON_SPILL}")
    else:
        logger.warning_once(
            "--gpu-memory-utilization %g may spill, %g would not: %s", asked, safe, why
        )


def _why(vllm_config: Any, card: Card) -> str:
    terms = missed.found(vllm_config, card.total)
    sums = ", ".join(f"{name} {gib(FRAGMENTED * count)}" for name, count in terms.items())
    unseen = f", and of this model vLLM's profiling does not see: {sums}" if terms else ""
    free = "" if card.free is None else f" ({gib(card.free)} of it are free)"
    return (
        f"Windows moves what does not fit into the {gib(card.total)} of {card.name}{free} to "
        f"system memory, which is slow{unseen}"
    )
