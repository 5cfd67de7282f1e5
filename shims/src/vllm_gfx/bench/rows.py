"""One measurement, one JSON line: the schema, and the only code that writes it.

Raises ValueError, naming the key, for a row that is not one.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

SCHEMA = 1
BETTER = ("higher", "lower", "neither")
# Parameters that follow from a measurement, so they cannot tell two cases apart.
FOUND = ("bytes", "weight_bytes", "kv_bytes", "longest")
BENCHES = (
    "decode",
    "ttft",
    "tpot",
    "throughput",
    "kv_capacity",
    "memory",
    "startup",
    "roofline",
    "step",
    "ablate",
)

_TEXT, _NUMBER, _TABLE = (str,), (int, float), (dict,)
_NONE = (type(None),)
# In this order in the file. `better` and `bench` have their own lists of values.
KEYS: dict[str, tuple[type, ...]] = {
    "schema": (int,),
    "run": _TEXT,  # UTC stamp of the invocation
    "bench": _TEXT,
    "subject": _TEXT,  # the model's folder name
    "contestant": _TEXT,
    "parameters": _TABLE,
    "metric": _TEXT,
    "unit": _TEXT,
    "better": _TEXT,
    "value": (*_NUMBER, *_NONE),  # the median; None if the contestant failed
    "best": (*_NUMBER, *_NONE),
    "samples": (list,),
    "spread": (list, *_NONE),  # the 10th and the 90th percentile
    "device": _TABLE,
    "os": _TEXT,
    "versions": _TABLE,
    "commit": _TEXT,
    "settings": _TABLE,
    "served_by": _TABLE,  # kind -> implementation -> how many layers
    "spill": (bool, *_NONE),
    "energy_j": (*_NUMBER, *_NONE),
    "cold": (bool, *_NONE),
    "error": (*_TEXT, *_NONE),  # one line: why there is no value
}
DEVICE = ("name", "gfx", "memory_gb", "driver", "copy_gb_s")
VERSIONS = ("python", "torch", "triton", "vllm", "vllm-gfx", "gfx-kernels")


def summary(samples: Sequence[float], better: str) -> dict[str, Any]:
    """`value` (median), `best`, `samples` and `spread` of a row; None and [] without samples."""
    if not samples:
        return {"value": None, "best": None, "samples": [], "spread": None}
    return {
        "value": statistics.median(samples),
        "best": _BEST[better](samples),
        "samples": list(samples),
        "spread": [percentile(samples, 0.1), percentile(samples, 0.9)],
    }


_BEST: dict[str, Any] = {"higher": max, "lower": min, "neither": lambda _: None}


def percentile(samples: Sequence[float], share: float) -> float:
    """Between the two nearest samples, linearly, as numpy does it."""
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def check(row: dict[str, Any]) -> None:
    """Raise ValueError for a missing, unknown or wrongly typed key, or sums that disagree."""
    if list(row) != list(KEYS):
        missing, unknown = KEYS.keys() - row.keys(), row.keys() - KEYS.keys()
        raise ValueError(f"row: missing {sorted(missing)}, unknown {sorted(unknown)}, or unordered")
    for key, types in KEYS.items():
        value = row[key]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ValueError(f"row: {key} is {value!r}")
    _check_values(row)


def _check_values(row: dict[str, Any]) -> None:
    if row["schema"] != SCHEMA or row["bench"] not in BENCHES or row["better"] not in BETTER:
        raise ValueError("row: unknown schema, bench or better")
    if (row["value"] is None) != (row["error"] is not None):
        raise ValueError("row: a value or an error, and not both")
    if (row["value"] is None) != (not row["samples"]):
        raise ValueError("row: a value has samples")
    for key, names in (("device", DEVICE), ("versions", VERSIONS)):
        if row["error"] is None and (absent := set(names) - row[key].keys()):
            raise ValueError(f"row: {key} lacks {sorted(absent)}")


def write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Append `rows`, all of them checked first. Raises ValueError, OSError."""
    lines = []
    for row in rows:
        check(row)
        lines.append(json.dumps(row, allow_nan=False) + "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, checked. Raises ValueError naming the line."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            check(row)
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from error
        found.append(row)
    return found
