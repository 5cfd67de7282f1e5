"""`kernels/RESOURCES.md`: what every kernel uses on every target, from what was built."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from gfx_compile import paths

_HEADER = """\
# What the kernels use

Written by `python dev.py tables` from the code objects; status: *compiles*. VGPRs and LDS (bytes of
one work-group, without what a launch adds) have a budget in each op's `budget.yaml`, in brackets.
The build fails if a kernel outgrows it, spills a register, needs scratch memory or lost an
instruction that the budget wants; the last column says how many of those there are. Waves are those
that fit on one SIMD, as the compiler computes it.
"""
_COLUMNS = (
    "kernel",
    "targets",
    "VGPR",
    "SGPR",
    "LDS",
    "spills",
    "scratch",
    "waves",
    "wanted instructions",
)


def text(out: Path, names: Sequence[str]) -> str:
    """The file for the objects of these targets in `out`."""
    reports = [(name, file) for name in names for file in sorted((out / name).glob("*.json"))]
    by_op: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for name, file in reports:
        for kernel, figures in json.loads(file.read_text(encoding="utf-8"))["kernels"].items():
            by_op.setdefault(file.stem, []).append((kernel, name, figures))
    return "\n".join([_HEADER, *(_section(op, by_op[op]) for op in sorted(by_op))])


def write(out: Path, names: Sequence[str]) -> None:
    """Bring the committed file up to date with `out`."""
    paths.TABLE.write_text(text(out, names), encoding="utf-8", newline="\n")


def _section(op: str, rows: list[tuple[str, str, dict[str, Any]]]) -> str:
    lines = [f"## {op}", "", _line(_COLUMNS), _line(["---"] * len(_COLUMNS)), *_rows(rows)]
    return "\n".join([*lines, ""])


def _rows(rows: list[tuple[str, str, dict[str, Any]]]) -> Iterator[str]:
    """One line for the targets on which a kernel uses the same."""
    for kernel, group in groupby(sorted(rows, key=lambda row: row[0]), key=lambda row: row[0]):
        alike: dict[tuple[str, ...], list[str]] = {}
        for _, name, figures in group:
            alike.setdefault(_cells(figures), []).append(name)
        for cells, names in alike.items():
            yield _line([f"`{kernel}`", " ".join(names), *cells])


def _cells(figures: dict[str, Any]) -> tuple[str, ...]:
    budget = figures["budget"]
    found = [f"{count} x `{p}`".replace("|", "\\|") for p, count in figures["wanted"].items()]
    return (
        f"{figures['vgprs']} ({budget['vgprs']})",
        str(figures["sgprs"]),
        f"{figures['lds']} ({budget['lds']})",
        str(figures["vgpr_spills"] + figures["sgpr_spills"]),
        str(figures["scratch"]),
        str(figures["occupancy"]),
        ", ".join(found) or "-",
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
