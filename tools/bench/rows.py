"""Reading rows: each line of a JSONL file is checked against row.schema.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tools import paths
from tools.errors import ToolError

SCHEMA = Path(__file__).with_name("row.schema.json")
RESULTS = paths.ROOT / "results" / "engine.jsonl"
VERSION = 1
# Of these no direction is good; the oldest rows say that less is.
NEITHER = (("memory", "kv_cache"),)
# The oldest rows repeat the energy of the same runs here; it stands with `throughput_with_prefill`.
REPEATED = (("tpot", "tpot"), ("throughput", "throughput"))


@dataclass(frozen=True)
class Row:
    """One measurement; the keys of row.schema.json, `value` in `unit`, None where unknown."""

    run: str
    bench: str
    subject: str
    contestant: str
    parameters: dict[str, Any]
    metric: str
    unit: str
    better: str
    value: float | None
    best: float | None
    samples: list[float] | None
    spread: list[float] | None
    device: dict[str, Any]
    os: str | None
    versions: dict[str, Any]
    commit: str | None
    settings: dict[str, Any]
    served_by: dict[str, dict[str, int]] | None
    spill: bool | None
    energy_j: float | None
    cold: bool | None
    error: str | None = None


def read(path: Path) -> list[Row]:
    """The rows of `path`, in its order.

    Raises ToolError, naming the line, for what cannot be read or is not a row, and for no rows.
    """
    name = paths.shown(path)
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text file"
        raise ToolError(f"cannot read {name}: {why}", "name a file of rows") from None
    rows = [_row(text, f"{name}:{n}") for n, text in enumerate(lines, 1) if text.strip()]
    if not rows:
        raise ToolError(f"{name} holds no rows", "run: python dev.py bench MODEL")
    return rows


def _row(text: str, where: str) -> Row:
    try:
        found = json.loads(text, parse_constant=_not_json)
    except ValueError:
        raise ToolError(f"{where} is not JSON (cut off?)", "delete that line") from None
    if not isinstance(found, dict) or "schema" not in found:
        raise ToolError(f"{where} is not a row of `bench`", "name a file that it wrote")
    if found["schema"] != VERSION:
        remedy = "use the commit that wrote it"
        raise ToolError(f"{where}: schema {found['schema']!r} is not {VERSION}", remedy)
    for problem in _problems(found):
        raise ToolError(f"{where}: {problem}", "was it edited by hand?")
    named: dict[str, Any] = {field.name: found.get(field.name) for field in fields(Row)}
    if (found["bench"], found["metric"]) in NEITHER:
        named |= {"better": "neither", "best": None}
    if (found["bench"], found["metric"]) in REPEATED:
        named |= {"energy_j": None}
    return Row(**named)


def _not_json(word: str) -> NoReturn:
    raise ValueError(word)  # NaN and Infinity, which Python's reader takes


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


def _problems(found: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a row, first what the schema says."""
    if (error := best_match(_validator().iter_errors(found))) is not None:
        where = f"{error.json_path.removeprefix('$.')}: " if error.path else ""
        yield f"{where}{error.message[:200]}"
    elif (found["value"] is None) != (not found["samples"]):
        yield "value and samples disagree"
    elif found["value"] is not None and not _within(found["value"], found["samples"]):
        yield f"value {found['value']} is outside its samples"


def _within(value: float, samples: list[float]) -> bool:
    slack = 1e-6 * max(map(abs, samples))  # written with fewer digits, perhaps
    return min(samples) - slack <= value <= max(samples) + slack
