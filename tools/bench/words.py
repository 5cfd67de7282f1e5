"""Numbers as people read them: a value with its unit, a spread, a change."""

from __future__ import annotations

from typing import Any

from tools.bench.cases import is_short
from tools.bench.rows import Row

SHORT = " *"  # of a start; meaning.SHORT says what it lacks

# unit of a row -> how small values, and large ones, are written: (below, factor, text) in turn
_SCALES: dict[str, tuple[tuple[float, float, str], ...]] = {
    "s": ((1, 1e3, " ms"), (float("inf"), 1, " s")),
    "byte": ((1e8, 1e-6, " MB"), (float("inf"), 1e-9, " GB")),
    "token": ((float("inf"), 1, " tokens"),),
    "1": ((float("inf"), 1e2, "%"),),
    "": ((float("inf"), 1, ""),),
}


def number(value: float) -> str:
    """Three significant digits, or all digits before the point: 0.0123, 12.3, 1234, 56,789."""
    if abs(value) < 100:
        return f"{value:.3g}"
    return f"{value:.0f}" if abs(value) < 10_000 else f"{value:,.0f}"


def scale(value: float, unit: str) -> tuple[float, str]:
    """What to multiply a value of this size with, and the unit that it then has."""
    for below, factor, text in _SCALES.get(unit, ()):
        if abs(value) < below:
            return factor, text
    return 1, f" {unit}"


def quantity(value: float, unit: str) -> str:
    """`value` with its unit: 83.2 ms, 14.9 GB, 45.1%, 331 tok/s."""
    factor, text = scale(value, unit)
    return number(value * factor) + text


def median(row: Row) -> str:
    """The row's value, or that it failed; and whether the device's memory overflowed.

    With SHORT after a start that leaves something out.
    """
    said = "failed" if row.value is None else quantity(row.value, row.unit)
    if is_short(row):
        said += SHORT
    return f"{said}, spilled" if row.spill else said


def extremes(row: Row) -> str:
    """The smallest and the largest sample, in the median's unit; empty where there is one."""
    if row.value is None or len(row.samples or []) < 2:
        return ""
    factor, text = scale(row.value, row.unit)
    low, high = min(row.samples or []), max(row.samples or [])
    return f"{number(low * factor)}..{number(high * factor)}{text}"


def span(row: Row) -> str:
    """The 10th to the 90th percentile, in the median's unit; empty where they are one."""
    if row.value is None or not row.spread or len(row.samples or []) < 2:
        return ""
    factor, _ = scale(row.value, row.unit)
    ends = dict.fromkeys(number(value * factor) for value in row.spread)
    return "..".join(ends) if len(ends) > 1 else ""


def spread(row: Row) -> str:
    """`span`, the best and the worst, and of how many samples; empty for a failed row."""
    if row.value is None or not row.samples:
        return ""
    said = [span(row), f"n={len(row.samples)}"]
    if span(row) and row.best is not None:
        factor, _ = scale(row.value, row.unit)
        worst = min(row.samples) if row.better == "higher" else max(row.samples)
        said[1:1] = [f"best {number(row.best * factor)}", f"worst {number(worst * factor)}"]
    return ", ".join(filter(None, said))


def kernel(found: dict[str, Any]) -> str:
    """One of a step's longest kernels: `28 x some_name (0.5 ms)`."""
    return f"{number(found['launches'])} x {found['name']} ({number(found['ms'])} ms)"


def change(value: float | None) -> str:
    """A relative change: +3.1%."""
    return "" if value is None else f"{value:+.1%}"


def times(row: Row, other: Row) -> float | None:
    """How many times as good `row` is as `other` (above 1 is a win), where both are positive.

    None also where no direction is good.
    """
    if row.better == "neither":
        return None
    if not row.value or not other.value or row.value < 0 or other.value < 0:
        return None
    return row.value / other.value if row.better == "higher" else other.value / row.value
