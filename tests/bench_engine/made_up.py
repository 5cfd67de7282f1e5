"""What a contestant's process reports, without the process. Nobody measured these numbers."""

from __future__ import annotations

from typing import Any

from vllm_gfx.bench import rows
from vllm_gfx.bench.measures import Measured
from vllm_gfx.bench.plan import Contestant
from vllm_gfx.bench.run import Outcome

FACTS: dict[str, Any] = {
    "device": {
        "name": "made up",
        "gfx": "gfx0",
        "memory_gb": 1,
        "driver": None,
        "copy_gb_s": 100.0,
    },
    "versions": dict.fromkeys(rows.VERSIONS, "0"),
    "commit": "",
    "settings": {"mode": "eager"},
    "served_by": {"linear": {"MadeUp": 2}},
    "spill": False,
}


def outcome(label: str, number: int, *measured: Measured, **more: Any) -> Outcome:
    """One process of contestant `label` in round `number`; `ablated`, `error`, `cold` in `more`."""
    who = Contestant(label, f"folder/{label}-model", ablated=more.pop("ablated", ""))
    lines = [m.record()["measured"] for m in measured]
    return Outcome(number, who, lines, FACTS if measured else {}, **more)


def decode(*rates: float, joules: float | None = None) -> Measured:
    """Single-stream tokens/s."""
    of = {"prompt": 128, "tokens": 128, "streams": 1}
    return Measured("decode", "decode", "tok/s", "higher", list(rates), of, joules)
