"""The process of one contestant: starts its engine, measures, reports line by line on stdout.

Lines are JSON: `{"note": text}`, `{"facts": {...}}`, `{"measured": {...}}`, `{"error": text}`.
Everything else that any library prints goes to stderr, which the parent keeps as a log.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from vllm_gfx import refusal
from vllm_gfx.bench import ablate
from vllm_gfx.bench.plan import Sizes

REFUSED = 2
# Rows of start-up without this are shorter by it: it was once left out.
STARTUP = {"includes": "import of torch"}
Tell = Callable[[dict[str, Any]], None]


def main() -> int:
    """Do the request that the first argument holds as JSON."""
    tell = _protocol()
    request = json.loads(sys.argv[1])
    try:
        with refusal.of_configuration(request["model"]):
            _measure(request, tell)
    except ablate.Absent as reason:
        tell({"note" if request["skip_absent"] else "error": str(reason)})
        return 0 if request["skip_absent"] else REFUSED
    except refusal.Refusal as reason:
        tell({"error": str(reason)})
        return REFUSED
    return 0


def _protocol() -> Tell:
    """The real stdout, for lines of ours alone; file descriptor 1 becomes stderr."""
    out: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(line: dict[str, Any]) -> None:
        out.write(json.dumps(line) + "\n")
        out.flush()

    return tell


def _measure(request: dict[str, Any], tell: Tell) -> None:
    from vllm_gfx.bench import engine, facts, measures

    sizes = Sizes.from_json(request["sizes"])
    if request["ablated"]:
        ablate.arm(request["ablated"], max(sizes.streams))
    facts.ready()
    before = time.time()
    device = facts.device()
    tell({"facts": {"device": device}})  # so that a failed start is known to be of this device
    not_starting = time.time() - before  # the bandwidth is measured while the memory is free
    started = engine.start(request["model"], request["mode"], request["flags"], sizes)
    ready = time.time() - request["spawned"] - not_starting
    commit = request["commit"] or facts.commit()
    known = {**_facts(device, started.vllm_config), "commit": commit}
    tell({"facts": known | _spill(known)})
    sizes = engine.fitting(sizes, started.vllm_config, request)
    bench = measures.Bench(started, sizes)
    for measured in _all(request["benches"], bench, ready, device, tell):
        tell(measured.record())
    tell({"facts": known | _spill(known)})  # of all that was measured


def _facts(device: dict[str, Any], config: Any) -> dict[str, Any]:
    from vllm_gfx.bench import engine, facts

    return {
        "device": device,
        "versions": facts.versions(),
        "settings": engine.settings(config),
        "served_by": engine.served_by(),
    }


def _spill(known: dict[str, Any]) -> dict[str, Any]:
    """What is known of a spill until now, and why if that is nothing."""
    from vllm_gfx.vram import session

    spill, unknown = session.observed()
    more = {"spill_unknown": unknown} if unknown else {}
    return {"spill": spill, "settings": known["settings"] | more}


def _all(
    benches: list[str], bench: Any, ready: float, device: dict[str, Any], tell: Tell
) -> Iterator[Any]:
    """Every measurement asked for; memory last, so that its peak is of all the others.

    `ready`: seconds until the engine was up.
    """
    from vllm_gfx.bench import measures, memory, roofline, step

    if "startup" in benches:
        yield measures.Measured("startup", "startup", "s", "lower", [ready], STARTUP)
    if "kv_capacity" in benches:
        yield from memory.kv_capacity(bench)
    for name, needed in (
        ("decode", {"decode", "roofline", "step"}),
        ("streams", {"tpot", "throughput"}),
        ("ttft", {"ttft"}),
    ):
        if needed & set(benches):
            tell({"note": name})
            yield from (m for m in getattr(measures, name)(bench) if m.bench in benches)
    if "roofline" in benches:
        yield from roofline.roofline(bench, device["copy_gb_s"])
    if "step" in benches:
        yield from step.step(bench, lambda text: tell({"note": text}))
    if "memory" in benches:
        yield from memory.memory(bench)


if __name__ == "__main__":
    sys.exit(main())
