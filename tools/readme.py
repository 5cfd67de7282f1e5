"""Writes the tables of README.md that come from data: `python dev.py tables`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import yaml

from tools import bounds, paths
from tools.bench import markdown

README = paths.ROOT / "README.md"
GOLDEN = paths.ROOT / "kernels" / "golden.yaml"
EMULATED = paths.ROOT / "results" / "emulated.jsonl"


def targets_table() -> str:
    """The target table in Markdown, one line per file of variants/."""
    variants = [yaml.safe_load(p.read_text("utf-8")) for p in sorted(paths.VARIANTS.glob("*.yaml"))]
    head = ["| target | for | platforms | kernels | known issues |", "|---|---|---|---|---|"]
    return "\n".join([*head, *map(_target, variants)])


def _target(variant: dict[str, Any]) -> str:
    name = variant["gfx_target"][0]
    cells = (
        f"`{name}`",
        ", ".join(variant["products"]),
        ", ".join(variant["platforms"]),
        status(name),
        "; ".join(variant["known_issues"]) or "none known",
    )
    return f"| {' | '.join(cells)} |"


def status(target: str) -> str:
    """What is known of a target's kernels: *emulated* if every object that is built now was."""
    built = yaml.safe_load(GOLDEN.read_text("utf-8")).get(target)
    if built is None:
        return "references only"
    rows = map(json.loads, EMULATED.read_text("utf-8").splitlines())
    ran = {(r["op"], r["sha256"]) for r in rows if r["gfx"] == target and r["passed"]}
    return "emulated" if built.items() <= ran else "compiles"


def bounds_table() -> str:
    """The newest row of each measurement in results/bounds.jsonl."""
    lines = bounds.RESULTS.read_text("utf-8").splitlines() if bounds.RESULTS.is_file() else []
    newest = {row["name"]: row for row in map(json.loads, lines)}
    head = ["| what | median | min..max | runs | bound |", "|---|---|---|---|---|"]
    return "\n".join([*head, *map(_measured, newest.values())])


def _measured(row: dict[str, Any]) -> str:
    values = row["values"]
    spread = f"{min(values):g}..{max(values):g}"
    return f"| {row['name']} | {row['median']:g} | {spread} | {len(values)} | {row['bound']} |"


TABLES: dict[str, Callable[[], str]] = {
    "targets": targets_table,
    "bounds": bounds_table,
    "engine": markdown.readme_table,
}


def written(text: str) -> str:
    """`text` of a README with its tables as they should be. Raises ValueError without a marker."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: begin (python dev.py tables) -->\n", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"README.md has no place for the table {name}: {begin}")
        text = f"{before}{begin}{table()}\n{end}{after}"
    return text


def write() -> None:
    """Bring README.md up to date."""
    README.write_text(written(README.read_text("utf-8")), encoding="utf-8", newline="\n")
