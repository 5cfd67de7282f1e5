"""Turns what processes reported into rows: samples of all rounds together."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vllm_gfx.bench import rows
from vllm_gfx.bench.run import Outcome, name

_OF_METRIC = ("bench", "metric", "unit", "better", "parameters")


def gather(outcomes: Sequence[Outcome], run: str, order: Sequence[str]) -> list[dict[str, Any]]:
    """One row per metric and contestant, cold starts apart; one failed row per process that died.

    `run` is the invocation's stamp, `order` who ran when.
    """
    whole = [o for o in outcomes if not o.contestant.ablated]
    together: dict[str, tuple[Outcome, dict[str, Any], list[float], list[float | None]]] = {}
    for outcome in whole:
        for measured in outcome.measured:
            key = [outcome.contestant.label, _cold(outcome, measured)]
            key += [measured[k] for k in _OF_METRIC]
            kept = together.setdefault(json.dumps(key), (outcome, measured, [], []))
            kept[2].extend(measured["samples"])
            kept[3].append(measured["energy_j"])
    found = [
        _row(outcome, run, order, measured)
        | rows.summary(samples, measured["better"])
        | {"energy_j": _sum(joules)}
        for outcome, measured, samples, joules in together.values()
    ]
    found += [
        _row(outcome, run, order, measured) | rows.summary(measured["samples"], "lower")
        for outcome, measured in saved(outcomes)
    ]
    return found + [_failed(o, run, order) for o in outcomes if o.error is not None]


def _cold(outcome: Outcome, measured: dict[str, Any]) -> bool | None:
    """Whether it started without compiled kernels; of other benches than that it says nothing.

    None is a start of its own: samples that may be either are not mixed with those that are known.
    """
    return outcome.cold if measured["bench"] == "startup" else None


def saved(outcomes: Sequence[Outcome]) -> Iterator[tuple[Outcome, dict[str, Any]]]:
    """Per contestant and class, the milliseconds a step saved: whole minus ablated, round by round.

    A round's first sample is taken with its first, and so on: they ran close to each other.
    """
    wholes = {
        (o.contestant.label, o.number): milliseconds(o)
        for o in outcomes
        if not o.contestant.ablated
    }
    found: dict[str, tuple[Outcome, list[float]]] = {}
    for outcome in (o for o in outcomes if o.contestant.ablated):
        whole = wholes[outcome.contestant.label, outcome.number]
        pairs = zip(whole, milliseconds(outcome), strict=False)  # none where either one died
        kept = found.setdefault(name(outcome.contestant), (outcome, []))
        kept[1].extend(a - b for a, b in pairs)
    for outcome, samples in found.values():
        if samples:
            of = {**_decoded(outcome)["parameters"], "without": outcome.contestant.ablated}
            about = {"bench": "ablate", "metric": "ablate", "unit": "ms", "better": "lower"}
            yield outcome, {**about, "parameters": of, "samples": samples}


def milliseconds(outcome: Outcome) -> list[float]:
    """The decode steps of one process; none if it did not get there."""
    return [1e3 / rate for rate in _decoded(outcome).get("samples", [])]


def _decoded(outcome: Outcome) -> dict[str, Any]:
    return next((m for m in outcome.measured if m["bench"] == "decode"), {})


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
        "settings": {
            **facts.get("settings", {}),
            "asked_mode": outcome.mode,
            "order": list(order),
        },
        "served_by": facts.get("served_by", {}),
        "spill": facts.get("spill"),
        "cold": _cold(outcome, measured),
    }


def _failed(outcome: Outcome, run: str, order: Sequence[str]) -> dict[str, Any]:
    """A row without a value: of `startup` if no engine came up, else of `decode` or `ablate`."""
    who = outcome.contestant
    bench = "ablate" if who.ablated else "decode" if outcome.came_up else "startup"
    of = {"without": who.ablated} if who.ablated else {}
    nothing = {"bench": bench, "metric": bench, "unit": "", "better": "lower", "parameters": of}
    row = _row(outcome, run, order, nothing) | rows.summary([], "lower")
    return row | {"error": outcome.error}
