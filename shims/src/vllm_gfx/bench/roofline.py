"""Which share of the device's bandwidth the decode of one stream reaches."""

from __future__ import annotations

from collections.abc import Iterator

from vllm_gfx.bench import storage
from vllm_gfx.bench.measures import Bench, Measured


def roofline(bench: Bench, copy_gb_s: float) -> Iterator[Measured]:
    """Bytes that a step must move over the bytes that a copy moves in a step's time, 0 to 1.

    Bytes are those of the parameters as they lie in memory after loading, and of the KV cache at
    the middle of the measured decode. `ceiling` is the rate at which the share would be 1.
    """
    sizes = bench.sizes
    weights = storage.weights_read(storage.runner(bench.engine).get_model())
    cache = storage.cache_moved(bench.engine, sizes.prompt + sizes.tokens // 2)
    seconds = (weights + cache) / (copy_gb_s * 1e9)
    of = {
        **bench.single,
        "bytes": weights + cache,
        "weight_bytes": weights,
        "kv_bytes": cache,
    }
    shares = [seconds / step for step in bench.step_seconds]
    yield Measured("roofline", "roofline", "1", "higher", shares, of)
    yield Measured("roofline", "ceiling", "tok/s", "higher", [1 / seconds], of)
