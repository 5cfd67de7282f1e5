"""Which rows are about the same thing, which of them count, and how they are said in words."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tools.bench.rows import Row

# Parameters that follow from a measurement, so they cannot tell two cases apart.
FOUND = ("bytes", "weight_bytes", "kv_bytes", "longest")


# Settings that change what is measured, whoever is measured.
FLAGS = (
    "dtype", "kv_cache_dtype", "max_model_len", "max_num_seqs", "max_num_batched_tokens",
    "gpu_memory_utilization", "load_format",
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Device:
    """A kind of device: rows of two are never compared."""

    name: str
    gfx: str

    def __str__(self) -> str:
        return f"{self.name}, {self.gfx}" if self.gfx else self.name


def device(row: Row) -> Device:
    """The device that `row` was measured on; a failed row may not know it."""
    return Device(row.device.get("name") or "unknown device", row.device.get("gfx") or "")


def mode(row: Row) -> str:
    """eager, graph or compile; empty where the row does not say."""
    return str(row.settings.get("mode") or "")


def asked(row: Row) -> dict[str, Any]:
    """The parameters that were chosen, without those that were found."""
    return {name: value for name, value in row.parameters.items() if name not in FOUND}


def question(row: Row) -> tuple[str, ...]:
    """What was asked, whoever answered: rows with the same one may stand in one line."""
    start = "" if row.cold is None else ("cold" if row.cold else "warm")
    return (row.bench, row.metric, row.unit, json.dumps(asked(row), sort_keys=True), start)


def flags(row: Row) -> dict[str, Any]:
    """What the engine was told, or made of it: FLAGS that the row knows."""
    return {name: row.settings[name] for name in FLAGS if name in row.settings}


def case(row: Row) -> tuple[Any, ...]:
    """What was asked, of whom, and where. Of equal flags too, a newer row replaces an older."""
    return (device(row), row.subject, mode(row), row.contestant, *question(row))


def newest(rows: Iterable[Row]) -> list[Row]:
    """The newest row with a value of every case and its flags; the last, where times are equal."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = (*case(row), *flags(row).items())
        if row.value is not None and (key not in found or row.run >= found[key].run):
            found[key] = row
    return list(found.values())


def failures(rows: Iterable[Row]) -> list[Row]:
    """The rows without a value, but for those of what a later invocation measured."""
    rows = list(rows)
    worked = [row for row in rows if row.value is not None]
    return [
        row
        for row in rows
        if row.value is None and not any(w.run > row.run and repeats(w, row) for w in worked)
    ]


def repeats(row: Row, other: Row) -> bool:
    """Whether both are from the same attempt, at other times: model, contestant, mode and device.

    A failed row may not know its device; then it may have been any.
    """
    devices = {device(r) for r in (row, other) if r.device.get("name")}
    return _attempt(row) == _attempt(other) and len(devices) < 2


def _attempt(row: Row) -> tuple[Any, ...]:
    """Whose process gave `row`: what fails as a whole. An ablated engine is one of its own."""
    asked = row.settings.get("asked_mode") or mode(row)
    return (row.subject, row.contestant, asked, row.parameters.get("without"))


def longest(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The kernels that took longest in a step, of the first of `rows` that names them."""
    found: Iterator[list[dict[str, Any]]]
    found = (row.parameters["longest"] for row in rows if "longest" in row.parameters)
    return next(found, [])


def is_short(row: Row) -> bool:
    """Whether a start's row leaves out what later ones include; `meaning.SHORT` says what."""
    return row.bench == "startup" and row.value is not None and "includes" not in row.parameters


def label(row: Row, unsaid: Container[str] = ()) -> str:
    """The question in words, without some parameters: `throughput, streams 8, prompt 512`."""
    name = row.metric if row.metric.startswith(row.bench) else f"{row.bench}: {row.metric}"
    start = "" if row.cold is None else (", cold" if row.cold else ", warm")
    said = "".join(f", {k} {v}" for k, v in asked(row).items() if k not in unsaid)
    return f"{name}{start}{said}".replace("_", " ")
