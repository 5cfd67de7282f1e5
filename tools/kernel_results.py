"""Writes results/KERNELS.md from results/kernels.jsonl: the newest row of a case, losses too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from tools import paths

SHARES = paths.ROOT / "kernels" / "src" / "gfx_bench" / "shares.yaml"
ROWS = paths.ROOT / "results" / "kernels.jsonl"
TABLE = paths.ROOT / "results" / "KERNELS.md"
OURS = "gfx_kernels"
_HEAD = """# Kernels, measured

Written by `python dev.py tables` from `results/kernels.jsonl`; `python -m gfx_bench OP` writes the
rows and its `--help` says how. us: median of the replays of a graph that goes round copies of the
weights; share: of the bandwidth of a large copy, measured in the same run. The last columns: how
many times as long each peer takes as ours; below 1 we lose, `!` marks a wrong result.
`w4a16_linear` may begin while the launch before it ends, as it does in a model; its peers cannot.
"""


def text() -> str:
    """All tables: one for every op and device."""
    lines = ROWS.read_text("utf-8").splitlines() if ROWS.is_file() else []
    newest: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in map(json.loads, lines):
        newest.setdefault((row["op"], row["device"]), {})[row["case"]] = row
    tables = [_table(op, device, list(rows.values())) for (op, device), rows in newest.items()]
    return "\n".join([_HEAD, *tables])


def _table(op: str, device: str, rows: Sequence[dict[str, Any]]) -> str:
    peers = list(dict.fromkeys(c["name"] for row in rows for c in row["contestants"]))
    peers.remove(OURS)
    head = ["case", "us", "10..90 %", "GB/s", "share", "error", *peers]
    facts = rows[0]
    said = (
        f"## {op} on {device}\n\n"
        f"Commit {', '.join(sorted({str(r['commit'])[:7] for r in rows}))}, driver "
        f"{facts['driver']}, torch {facts['torch']}; copy {facts['copy_gb_s']:.0f} GB/s.\n"
    )
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_cells(row, peers))} |" for row in rows]
    return "\n".join([said, *_shares(op, rows), *lines, ""])


def _shares(op: str, rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """How many layers reach the share of the copy bandwidth that is aimed at, and which do not."""
    for goal in yaml.safe_load(SHARES.read_text("utf-8")).get(op, []):
        found = {
            row["layer"]: row["traffic_bytes"] / _us(row) / 1e3 / row["copy_gb_s"]
            for row in rows
            if row["m"] in goal["rows"]
            and re.fullmatch(goal["layers"], row["layer"].rpartition("/")[2])
        }
        short = {layer: share for layer, share in found.items() if share < goal["least"]}
        said = f"* {goal['least']:.0%} aimed at, {goal['what']}, {goal['rows'][0]} row: "
        said += f"{len(found) - len(short)} of {len(found)} layers reach it"
        listed = ", ".join(f"{layer} {share:.0%}" for layer, share in short.items())
        yield f"{said}{'; short of it: ' + listed if short else ''}.\n"


def _us(row: dict[str, Any]) -> float:
    ours = next(c for c in row["contestants"] if c["name"] == OURS)
    return float(ours["us"]["median"])


def _cells(row: dict[str, Any], peers: Sequence[str]) -> Iterator[str]:
    by_name = {c["name"]: c for c in row["contestants"]}
    ours = by_name[OURS]
    us = ours["us"]
    yield row["case"]
    yield f"{us['median']:.2f}"
    yield f"{us['p10']:.2f}..{us['p90']:.2f}"
    yield f"{ours['gb_s']:.0f}"
    yield f"{row['traffic_bytes'] / us['median'] / 1e3 / row['copy_gb_s']:.0%}"
    yield f"{ours['error']:.1e}"
    for peer in peers:
        theirs = by_name.get(peer)
        yield "" if theirs is None else _ratio(theirs, us["median"])


def _ratio(theirs: dict[str, Any], ours: float) -> str:
    wrong = "" if theirs["error"] <= theirs["allowed"] else "!"
    return f"{theirs['us']['median'] / ours:.2f}{wrong}"


def write() -> None:
    """Bring the file up to date."""
    TABLE.write_text(text(), encoding="utf-8", newline="\n")
