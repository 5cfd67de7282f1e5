"""Turns what processes reported into rows: samples of all rounds together."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vllm_gfx.bench import rows
from vllm_gfx.bench.run import Outcome, name

_OF_METRIC = ("bench", "metric", "unit", "better", "parameters")


def gather(outcomes: Sequence[Outcome], run: str, order: Sequence[str]) -> list[dict[str, Any]]:
    """One row per metric and contestant, cold starts apart; one failed row per process that died.

    `run` is the invocation's stamp, `order` who ran when.
    """
    found = [
        _row(part.outcomes, run, order, part.measured)
        | rows.summary(part.samples, part.measured["better"])
        | {"energy_j": _sum(part.joules)}
        for part in [*_together(outcomes), *saved(outcomes)]
    ]
    return found + [_failed(o, run, order) for o in outcomes if o.error is not None]


@dataclass
class Part:
    """What goes into one row: the metric, and of every process that has samples of it, those."""

    measured: dict[str, Any]
    outcomes: list[Outcome] = field(default_factory=list)
    samples: list[float] = field(default_factory=list)
    joules: list[float | None] = field(default_factory=list)


def _together(outcomes: Sequence[Outcome]) -> Iterable[Part]:
    """The rounds of whole engines, by contestant and metric."""
    found: dict[str, Part] = {}
    for outcome in (o for o in outcomes if not o.contestant.ablated):
        for measured in outcome.measured:
            key: list[Any] = [outcome.contestant.label, _cold(outcome, measured)]
            key += [measured[k] for k in _OF_METRIC if k != "parameters"]
            key.append({k: v for k, v in measured["parameters"].items() if k not in rows.FOUND})
            part = found.setdefault(json.dumps(key), Part(measured))
            part.outcomes.append(outcome)
            part.samples.extend(measured["samples"])
            part.joules.append(measured["energy_j"])
    return found.values()


def _cold(outcome: Outcome, measured: dict[str, Any]) -> bool | None:
    """Whether it started without compiled kernels; of other benches than that it says nothing.

    None is a start of its own: samples that may be either are not mixed with those that are known.
    """
    return outcome.cold if measured["bench"] == "startup" else None


def saved(outcomes: Sequence[Outcome]) -> Iterable[Part]:
    """Per contestant and class, the milliseconds a step saved: whole minus ablated, round by round.

    A round's first sample is taken with its first, and so on: they ran close to each other.
    """
    wholes = {(o.contestant.label, o.number): o for o in outcomes if not o.contestant.ablated}
    found: dict[str, Part] = {}
    for outcome in (o for o in outcomes if o.contestant.ablated):
        whole = wholes[outcome.contestant.label, outcome.number]
        pairs = zip(milliseconds(whole), milliseconds(outcome), strict=False)
        if samples := [a - b for a, b in pairs]:  # none where either one died
            part = found.setdefault(name(outcome.contestant), Part(_ablate(outcome)))
            part.outcomes += [outcome, whole]
            part.samples += samples
    return found.values()


def _ablate(outcome: Outcome) -> dict[str, Any]:
    of = {**_decoded(outcome)["parameters"], "without": outcome.contestant.ablated}
    about = {"bench": "ablate", "metric": "ablate", "unit": "ms", "better": "lower"}
    return {**about, "parameters": of}


def milliseconds(outcome: Outcome) -> list[float]:
    """The decode steps of one process; none if it did not get there."""
    return [1e3 / rate for rate in _decoded(outcome).get("samples", [])]


def _decoded(outcome: Outcome) -> dict[str, Any]:
    return next((m for m in outcome.measured if m["bench"] == "decode"), {})


def _sum(joules: Sequence[float | None]) -> float | None:
    told = [j for j in joules if j is not None]
    return sum(told) if joules and len(told) == len(joules) else None


def _spill(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Whether memory spilled in any process; None where one cannot tell, or died untold."""
    told = [o.facts.get("spill") or (None if o.error else o.facts.get("spill")) for o in outcomes]
    return {"spill": True if any(told) else None if None in told else False}


def _settings(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Those of the first process, and why any of them cannot tell whether memory spilled."""
    every = [outcome.facts.get("settings", {}) for outcome in outcomes]
    unknown = [found["spill_unknown"] for found in every if "spill_unknown" in found]
    return every[0] | ({"spill_unknown": unknown[0]} if unknown else {})


def _row(
    outcomes: Sequence[Outcome], run: str, order: Sequence[str], measured: dict[str, Any]
) -> dict[str, Any]:
    """Of the first process whatever all of them share."""
    outcome, facts = outcomes[0], outcomes[0].facts
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
            **_settings(outcomes),
            "asked_mode": outcome.mode,
            "order": list(order),
        },
        "served_by": facts.get("served_by", {}),
        **_spill(outcomes),
        "cold": _cold(outcome, measured),
    }


def _failed(outcome: Outcome, run: str, order: Sequence[str]) -> dict[str, Any]:
    """A row without a value: of `startup` if no engine came up, else of `decode` or `ablate`."""
    who = outcome.contestant
    bench = "ablate" if who.ablated else "decode" if outcome.came_up else "startup"
    of = {"without": who.ablated} if who.ablated else {}
    nothing = {"bench": bench, "metric": bench, "unit": "", "better": "lower", "parameters": of}
    row = _row([outcome], run, order, nothing) | rows.summary([], "lower")
    return row | {"error": outcome.error}
