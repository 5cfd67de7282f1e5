"""Bytes on the device: the peak, and what holds them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import psutil

from vllm_gfx.bench import storage
from vllm_gfx.bench.measures import Bench, Measured


def memory(bench: Bench) -> Iterator[Measured]:
    """Peak of this process after everything it measured; weights and KV cache as allocated."""
    yield Measured("memory", "peak", "byte", "lower", [float(peak())])
    for metric, held in storage.held(bench.engine).items():
        # A larger cache takes more memory and holds more tokens: `kv_capacity` says which is good.
        better = "neither" if metric == "kv_cache" else "lower"
        yield Measured("memory", metric, "byte", better, [float(held)])


def kv_capacity(bench: Bench) -> Iterator[Measured]:
    """Tokens that the KV cache holds, by vLLM's own count over all its cache groups."""
    tokens = bench.engine.vllm_config.cache_config.kv_cache_size_tokens
    yield Measured("kv_capacity", "kv_capacity", "token", "higher", [float(tokens)])


def peak() -> int:
    """On a GPU what torch reserved at most, graphs included; else the process's resident peak.

    vLLM resets torch's count while it measures how much fits, so loading may have taken more.
    """
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_reserved())
    found: Any = psutil.Process().memory_info()
    if sys.platform == "win32":
        return int(found.peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
