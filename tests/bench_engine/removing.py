"""A script: an engine in this process, each class of kernels removed in turn, calls counted.

Prints JSON: what the engine's tensors hold, where its model runner comes from, and per class how
many layers it has and how often the real ones were called by a prefill and by a decode after it was
removed.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from typing import Any

STREAMS, PROMPT, TOKENS = 2, 24, 5

if __name__ == "__main__":
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from vllm_gfx.bench import ablate, drive, engine, measures, storage
    from vllm_gfx.bench.plan import CLASSES, Sizes

    sizes = Sizes(prompt=PROMPT, tokens=TOKENS, streams=(STREAMS,))
    started = engine.start(sys.argv[1], "eager", [], sizes)
    runner = storage.runner(started)
    model = runner.get_model()
    calls: Counter[str] = Counter()

    def spy(owner: Any, method: str, name: str) -> None:
        """Count the calls of `owner.method` under `name`, by how many tokens they are for."""
        real = getattr(owner, method)

        def counted(*args: Any, **kwargs: Any) -> Any:
            tensors = [a for a in (*args, *kwargs.values()) if hasattr(a, "shape") and a.ndim > 1]
            few = tensors[0].shape[0] <= STREAMS
            calls[f"{name} {'decode' if few else 'prefill'}"] += 1
            return real(*args, **kwargs)

        setattr(owner, method, counted)

    for module in model.modules():
        kind = type(module).__name__
        if hasattr(module, "impl"):
            spy(module.impl, "forward", "attention")
            spy(module.impl, "do_kv_cache_update", "kv_write")
        elif hasattr(getattr(module, "quant_method", None), "apply") and kind != (
            "VocabParallelEmbedding"
        ):
            spy(module.quant_method, "apply", "moe" if kind == "RoutedExperts" else "linear")
        elif kind in ("RMSNorm", "RotaryEmbedding", "SiluAndMul"):
            names = {"RMSNorm": "norm", "RotaryEmbedding": "rope", "SiluAndMul": "activation"}
            spy(module, "forward", names[kind])
    spy(runner.sampler, "sample", "sampler")

    bench = measures.Bench(started, sizes)
    found: dict[str, Any] = {
        "held": storage.held(started),
        "weights_read": storage.weights_read(model),
        "cache_moved": [storage.cache_moved(started, n) for n in (0, 100)],
        "runner": [kind.__module__ for kind in type(runner).__mro__],
        "before": {},
        "removed": {},
        "after": {},
    }
    bench.timeline(STREAMS, PROMPT, TOKENS)
    found["before"] = dict(calls)
    for name in CLASSES:
        found["removed"][name] = ablate.remove(name, runner, STREAMS)
        calls.clear()
        bench.timeline(STREAMS, PROMPT, TOKENS)
        found["after"][name] = dict(calls)
    with drive.decoding(started, bench.prompt(PROMPT)) as one_step:
        found["one step"] = len(one_step())
    out.write(json.dumps(found))
    out.flush()
