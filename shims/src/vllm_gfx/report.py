"""Which implementation served each layer: recorded where it is chosen, printable afterwards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vllm_gfx import envs

KINDS = ("linear", "attention", "moe", "op")
COMPILED_OPS = ("_C", "_moe_C", "_rocm_C")  # libraries whose ops are recorded at first call


@dataclass(frozen=True)
class Row:
    """`layer` is vLLM's dotted name, or the op's name; `reason` says why the choice was made."""

    layer: str
    kind: str
    implementation: str
    reason: str = ""


_rows: dict[tuple[str, str], Row] = {}


def record(layer: str, kind: str, implementation: str, reason: str = "") -> None:
    """Remember a choice; a later choice for the same layer and kind replaces it.

    Raises ValueError for an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; one of {', '.join(KINDS)}")
    row = Row(layer, kind, implementation, reason)
    if _rows.get((layer, kind)) == row:
        return
    _rows[layer, kind] = row
    if path := envs.report_file():
        with Path(path).open("a", encoding="utf-8") as f:
            f.write(json.dumps(asdict(row)) + "\n")


def forget_layers() -> None:
    """Drop what belongs to a model's layers; ops that stand for compiled ones stay."""
    for key in [k for k in _rows if not k[0].startswith(COMPILED_OPS)]:
        del _rows[key]


def rows() -> list[Row]:
    """The choices of this process, in the order they were made."""
    return list(_rows.values())


def table(chosen: Sequence[Row]) -> str:
    """One line per row, aligned: kind, implementation, layer, reason."""
    cells = [(row.kind, row.implementation, row.layer, row.reason) for row in chosen]
    widths = [max((len(line[i]) for line in cells), default=0) for i in range(3)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(w) for cell, w in zip(line, widths, strict=False)), line[3]]
        ).rstrip()
        for line in cells
    )


def summary(chosen: Iterable[Row]) -> str:
    """How many layers each implementation serves: `linear: 21 x A, 1 x B; attention: 3 x C`."""
    counts: dict[str, Counter[str]] = {}
    for row in chosen:
        counts.setdefault(row.kind, Counter())[row.implementation] += 1
    return "; ".join(
        f"{kind}: " + ", ".join(f"{n} x {name}" for name, n in counts[kind].items())
        for kind in KINDS
        if kind in counts
    )
