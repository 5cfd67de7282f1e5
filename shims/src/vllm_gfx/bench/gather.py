"""Turns what processes reported into rows: samples of all rounds together."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vllm_gfx.bench import rows
from vllm_gfx.bench.run import Outcome

_OF_METRIC = ("bench", "metric", "unit", "better", "parameters")


def gather(outcomes: Sequence[Outcome], run: str, order: Sequence[str]) -> list[dict[str, Any]]:
    """One row per metric and contestant, cold starts apart; one failed row per process that died.

    `run` is the invocation's stamp, `order` who ran when.
    """
    together: dict[str, tuple[Outcome, dict[str, Any], list[float], list[float | None]]] = {}
    for outcome in outcomes:
        for measured in outcome.measured:
            key = [outcome.contestant.label, outcome.cold, *(measured[k] for k in _OF_METRIC)]
            kept = together.setdefault(json.dumps(key), (outcome, measured, [], []))
            kept[2].extend(measured["samples"])
            kept[3].append(measured["energy_j"])
    found = [
        _row(outcome, run, order, measured)
        | rows.summary(samples, measured["better"])
        | {"energy_j": _sum(joules)}
        for outcome, measured, samples, joules in together.values()
    ]
    return found + [_failed(o, run, order) for o in outcomes if o.error is not None]


def _sum(joules: Sequence[float | None]) -> float | None:
    told = [j for j in joules if j is not None]
    return sum(told) if len(told) == len(joules) else None


def _row(
    outcome: Outcome, run: str, order: Sequence[str], measured: dict[str, Any]
) -> dict[str, Any]:
    facts = outcome.facts
    return {
        **dict.fromkeys(rows.KEYS),
        "schema": rows.SCHEMA,
        "run": run,
        "subject": Path(outcome.contestant.model).name,
        "contestant": outcome.contestant.label,
        **{key: measured[key] for key in _OF_METRIC},
        "device": facts.get("device", {}),
        "os": platform.platform(),
        "versions": facts.get("versions", {}),
        "commit": facts.get("commit", ""),
        "settings": {**facts.get("settings", {}), "order": list(order)},
        "served_by": facts.get("served_by", {}),
        "spill": facts.get("spill"),
        "cold": outcome.cold,
    }


def _failed(outcome: Outcome, run: str, order: Sequence[str]) -> dict[str, Any]:
    """A row without a value: of starting, if it never started, else of what came next."""
    bench = "decode" if outcome.facts else "startup"
    nothing = {"bench": bench, "metric": bench, "unit": "", "better": "lower", "parameters": {}}
    row = _row(outcome, run, order, nothing) | rows.summary([], "lower")
    return row | {"error": outcome.error}
