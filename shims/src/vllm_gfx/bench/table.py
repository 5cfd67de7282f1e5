"""The rows as a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_HEAD = ("bench", "metric", "of", "contestant", "median", "best", "spread", "n", "unit")
# From which size on a unit is written with its prefix.
_PREFIXES = ((1e9, "G"), (1e6, "M"))
_FEW = 1e4


def table(rows: Sequence[dict[str, Any]]) -> str:
    """One line per row, aligned; failed rows say why."""
    lines = [_HEAD, *(_cells(row) for row in rows if row["error"] is None)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEAD))]
    text = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
    failed = [f"{row['contestant']}: {row['error']}" for row in rows if row["error"] is not None]
    return "\n".join(line.rstrip() for line in [*text, *failed])


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    scale, prefix = _scale(row["value"])
    low, high = row["spread"]
    of = " ".join(f"{k}={v}" for k, v in row["parameters"].items() if k != "longest")
    of += {True: " cold", False: " warm", None: ""}[row["cold"]]
    return (
        row["bench"],
        row["metric"],
        of.strip(),
        row["contestant"],
        f"{row['value'] / scale:.4g}",
        "" if row["best"] is None else f"{row['best'] / scale:.4g}",
        f"{low / scale:.4g}..{high / scale:.4g}",
        str(len(row["samples"])),
        prefix + row["unit"],
    )


def _scale(value: float) -> tuple[float, str]:
    if abs(value) < _FEW:
        return 1, ""
    return next(((size, prefix) for size, prefix in _PREFIXES if abs(value) >= size), (1, ""))
