"""Does a model fit into the GPU's memory; and if not, what is missing and which setting would."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from vllm_gfx.machine import adapters, probe, torch_view
from vllm_gfx.machine.adapters import Adapter
from vllm_gfx.machine.memory import GIB, gib
from vllm_gfx.machine.torch_view import Device
from vllm_gfx.preflight import need
from vllm_gfx.preflight.need import Need
from vllm_gfx.refusal import Refusal

_HIGHEST = 0.95  # of the memory: what is left is for the runtime and the screen
_STEP = 1024  # tokens, of a proposed length; a shorter one is proposed in steps of a quarter
_SHORTEST = 256
_SAME = 0.1  # the system and the runtime may count a card's own reserve differently


@dataclass(frozen=True)
class Card:
    """A GPU's memory in bytes; `free` is None where nobody can tell it cheaply."""

    name: str
    total: int
    free: int | None = None
    integrated: bool | None = None  # its memory is the system's


def cards(torch: Any, count: int) -> list[Card]:
    """The first `count` GPUs of this process. Makes no context: that would take memory itself."""
    devices = torch_view.look(torch).devices[:count]
    if sys.platform == "win32":  # another process asks, and ends
        with suppress(probe.ProbeFailed):  # then nobody can tell what is free
            devices = probe.ask().torch.devices[:count]
        return [Card(d.name, d.total, d.free, d.integrated) for d in devices]
    listed = {adapter.pci: adapter for adapter in adapters.found() if adapter.pci}
    return [Card(d.name, d.total, _free(d, listed.get(d.pci))) for d in devices]


def _free(device: Device, listed: Adapter | None) -> int | None:
    """What Linux tells of AMD's cards. An integrated GPU uses more than the memory it tells of."""
    if listed is None or listed.vram_total is None:
        return None
    same = math.isclose(listed.vram_total, device.total, rel_tol=_SAME)
    return listed.vram_free if same else None


def check(vllm_config: Any, gpus: Sequence[Card]) -> None:
    """Raise Refusal if the model cannot fit into the smallest of `gpus`."""
    cache = vllm_config.cache_config
    if not gpus or cache.kv_cache_memory_bytes is not None:
        return  # with bytes of its own the request is for exactly that, and vLLM tells
    card = min(gpus, key=lambda gpu: gpu.total if gpu.free is None else gpu.free)
    problem = refusal(need.of(vllm_config), card, cache.gpu_memory_utilization)
    if problem is not None:
        raise problem


def refusal(wanted: Need, card: Card, share: float) -> Refusal | None:
    """Why `wanted` does not fit into `share` of `card`, with what would; None if it fits."""
    asked = int(card.total * share)
    crowded = card.free is not None and card.free < asked
    # vLLM takes the share whole, so with less free memory the share itself must be lower.
    possible = _down(card.free / card.total) if crowded and card.free is not None else share
    given = int(card.total * possible)
    if wanted.total() > given:
        return Refusal(_missing(wanted, card, given, possible), _remedies(wanted, card, possible))
    if not crowded:
        return None
    return Refusal(
        f"{gib(card.free or 0)} of the {gib(card.total)} of {card.name} are free, and "
        f"--gpu-memory-utilization {share:g} asks for {gib(asked)}",
        f"end the other programs on the GPU, or give --gpu-memory-utilization {possible:g}, which "
        f"fits (this model needs at least {gib(wanted.total())})",
    )


def _missing(wanted: Need, card: Card, given: int, share: float) -> str:
    missing = max(0.1, (wanted.total() - given) / GIB)  # never "0.0 GiB are missing"
    return (
        f"too little GPU memory: at least {gib(wanted.total())} are needed (weights "
        f"{gib(wanted.weights)}, KV cache of one request of {wanted.length} tokens "
        f"{gib(wanted.kv(wanted.length))}, working memory {gib(wanted.work)}), {gib(given)} are "
        f"given ({share:g} of the {gib(card.total)} of {card.name}), {missing:.1f} GiB are missing"
    )


def _remedies(wanted: Need, card: Card, share: float) -> str:
    found = [*_more_memory(wanted, card, share), *_shorter(wanted, card, share)]
    found += _quantised(wanted, card, share)
    if not found:
        return f"use a smaller model, or a GPU with at least {gib(wanted.total() / share)}"
    return f"would fit: {', or '.join(found)}"


def _more_memory(wanted: Need, card: Card, share: float) -> list[str]:
    higher = _up(wanted.total() / card.total)
    if higher > _HIGHEST or int(card.total * higher) < wanted.total():
        return []
    if card.free is not None and card.free < card.total * higher:
        return []
    return [f"--gpu-memory-utilization {higher:g}"]


def _shorter(wanted: Need, card: Card, share: float) -> list[str]:
    length = longest(wanted, int(card.total * share))
    return [f"--max-model-len {length}{_lowered(card, share)}"] if length else []


def _quantised(wanted: Need, card: Card, share: float) -> list[str]:
    if not wanted.in_4bit:
        return []
    copy, given = wanted.as_4bit(), int(card.total * share)
    text = f"a 4-bit copy of the model (about {gib(copy.weights)} of weights)"
    if copy.total() <= given:
        return [text + _lowered(card, share, " with")]
    length = longest(copy, given)
    return [f"{text} with --max-model-len {length}{_lowered(card, share)}"] if length else []


def _lowered(card: Card, share: float, before: str = "") -> str:
    """The flag that must go with a proposal where other programs hold some of the memory."""
    crowded = card.free is not None and share == _down(card.free / card.total)
    return f"{before} --gpu-memory-utilization {share:g}" if crowded else ""


def longest(wanted: Need, given: int) -> int:
    """The longest request that fits into `given` bytes, a round number; 0 if none does."""
    for step in (_STEP, _STEP // 4):
        lengths = range(step, wanted.length, step)
        fitting = [length for length in lengths if wanted.total(length) <= given]
        if fitting and fitting[-1] >= _SHORTEST:
            return fitting[-1]
    return 0


def _down(share: float) -> float:
    return math.floor(share * 100) / 100


def _up(share: float) -> float:
    return math.ceil(share * 100) / 100
