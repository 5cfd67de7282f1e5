"""Which invocations ran side by side, as far as their rows tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tools.bench.rows import Row


def sentences(rows: Iterable[Row]) -> Iterator[str]:
    """One for every stamp that several invocations carry."""
    for run, models in _models(rows).items():
        yield (
            f"{run} is the stamp of {len(models)} invocations that began in the same second and "
            f"ran side by side: {', '.join(models)}. Their rows have the same system and driver: "
            "on one host they shared its CPU and disk, which start-up and the host's part of a "
            "step feel. Others may have overlapped too: a row does not say when its invocation "
            "ended."
        )


def _models(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Stamp -> the models of one contestant, where there are several.

    An invocation gives each contestant one model, so these are of several invocations.
    """
    found: dict[tuple[str, str, str | None, str | None], dict[str, None]] = {}
    for row in rows:
        key = (row.run, row.contestant, row.os, row.device.get("driver"))
        found.setdefault(key, {})[row.subject] = None
    several: dict[str, list[str]] = {}
    for (run, *_), models in found.items():
        if len(models) > max(1, len(several.get(run, ()))):
            several[run] = list(models)
    return several
