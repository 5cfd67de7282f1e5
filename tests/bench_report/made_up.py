"""Rows that nobody measured: for tests of the report alone. Every text in them says so."""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

MODEL, TWIN = "made-up-7b-w4", "made-up-7b"
OLD, NEW = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
DEVICE = {
    "name": "Made-up GPU",
    "gfx": "gfx0",
    "memory_gb": 24.0,
    "driver": "0",
    "copy_gb_s": 800.0,
}
# contestant -> tokens/s of one stream, GB that a step reads, the checkpoint
SPEEDS = {"gfx": (110.0, 5.1, MODEL), "upstream-w4": (28.0, 5.1, MODEL), "fp16": (49.0, 14.3, TWIN)}
VERSIONS = ("python", "torch", "triton", "vllm", "vllm-gfx", "gfx-kernels")
CLASSES = {"linear": 6.1, "attention": 0.9, "norm": 0.35, "sampler": 0.12, "rope": -0.02}


def row(**changed: Any) -> dict[str, Any]:
    """A decode row of three samples; `samples` decides value, best and spread."""
    samples = changed.pop("samples", [99.0, 100.0, 101.0])
    made = {
        "schema": 1, "run": OLD, "bench": "decode", "subject": MODEL, "contestant": "gfx",
        "parameters": {"prompt": 128, "tokens": 128, "streams": 1}, "metric": "decode",
        "unit": "tok/s", "better": "higher", "samples": samples, "device": DEVICE,
        "os": "made-up OS", "versions": dict.fromkeys(VERSIONS, "0.0 made up"), "commit": "0000000",
        "settings": {"mode": "graph", "dtype": "float16"},
        "served_by": {"linear": {"MadeUpLinear": 28}, "attention": {"MADE_UP_ATTN": 28}},
        "spill": None, "energy_j": None, "cold": None, "error": None,
    }  # fmt: skip
    made |= changed
    return made | summary(samples, made["better"])


def summary(samples: Sequence[float], better: str) -> dict[str, Any]:
    """Median, best and spread of `samples`, nothing for none."""
    if not samples:
        return {"value": None, "best": None, "spread": None}
    best = {"higher": max, "lower": min}.get(better, lambda _: None)(samples)
    ends = statistics.quantiles(samples, n=10, method="inclusive") if samples[1:] else samples
    return {"value": statistics.median(samples), "best": best, "spread": [ends[0], ends[-1]]}


def failed(**changed: Any) -> dict[str, Any]:
    """What a contestant leaves whose process died."""
    made = {"samples": [], "bench": "startup", "metric": "startup", "unit": "", "parameters": {}}
    return row(**{**made, "served_by": {}, "error": "exit code 1: made-up failure", **changed})


def session(run: str = OLD, factor: float = 1.0, **changed: Any) -> list[dict[str, Any]]:
    """One invocation with three contestants: every bench; `factor` makes ours faster."""
    chance = random.Random(7)
    found = []
    for name, (speed, size, subject) in SPEEDS.items():
        speed *= factor if name == "gfx" else 1.0
        for made in _measured(speed, size, chance):
            about = {"run": run, "contestant": name, "subject": subject}
            found.append(row(**{**about, **made, **changed}))
    return found


def _measured(speed: float, size: float, chance: random.Random) -> Iterator[dict[str, Any]]:
    def some(middle: float, count: int = 9) -> list[float]:
        return [middle * chance.uniform(0.98, 1.02) for _ in range(count)]

    lower: dict[str, Any] = {"better": "lower"}
    one = {"prompt": 128, "tokens": 128, "streams": 1}
    yield {"samples": some(speed)}
    for n in (128, 256, 512, 1024, 2048, 4096, 8192, 16384):
        seconds = 0.01 + n * size / 40e3 * (1 + n / 3e4)
        yield _of("ttft", "s", some(seconds), {"prompt": n}, **lower)
    for n in (1, 2, 4, 8, 16, 32):
        at = speed * n / (1 + n / (60 if size > 10 else 24))
        streams = {**one, "streams": n}
        yield _of("tpot", "s", some(n / at), streams, **lower)
        yield _of("throughput", "tok/s", some(at), streams)
        yield _of("throughput", "tok/s", some(at * 0.9), streams, metric="throughput_with_prefill")
    yield _of("kv_capacity", "token", [round((22 - size) * 16000)] * 3, {})
    yield _of("memory", "byte", [22e9] * 3, {}, metric="peak", **lower)
    whole = {"includes": "made-up import"}
    yield _of("startup", "s", [35.0, *some(21, 2)], whole, cold=False, **lower)
    yield _of("startup", "s", [64.0], whole, cold=True, **lower)
    share = speed * size / DEVICE["copy_gb_s"]  # type: ignore[operator]
    yield _of("roofline", "1", some(share), {**one, "bytes": size * 1e9})
    step, kernels = 1e3 / speed, 0.9e3 / speed
    yield _of("step", "ms", some(step), one, **lower)
    which = {**one, "longest": [{"name": f"made_up_{size:g}", "ms": 0.5, "launches": 28.0}]}
    yield _of("step", "ms", some(kernels), which, metric="kernels", **lower)
    yield _of("step", "1", some(0.1), one, metric="host_share", **lower)
    yield _of("step", "", [231.0] * 3, one, metric="launches", **lower)
    for without, saved in CLASSES.items():
        part = {**one, "without": without}
        yield _of("ablate", "ms", some(saved * 110 / speed), part, **lower)


def _of(
    bench: str, unit: str, samples: list[float], parameters: dict[str, Any], **more: Any
) -> dict[str, Any]:
    about = {"bench": bench, "metric": bench, "unit": unit, "parameters": parameters}
    return {**about, "samples": samples, **more}


def write(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """`rows` as a JSONL file."""
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path
