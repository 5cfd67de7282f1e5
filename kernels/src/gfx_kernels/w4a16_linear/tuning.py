"""What `tune/` says of a device: the kernel it uses, up to which rows, and the plan of a shape."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gfx_kernels import tuned

FOLDER = Path(__file__).parent / "tune"


@dataclass(frozen=True)
class Choice:
    """How blocks share the work of `mma` kernels; a chunk is 128 inputs of 16 outputs."""

    waves: int  # of a block
    depth: int  # steps of a wave that are in flight
    step: int  # chunks
    per_processor: int  # blocks
    alone: int  # 1: no block more than these on a processor, though there were room


def of(arch: str) -> dict[str, Any]:
    """The numbers of `arch`."""
    return tuned.of(FOLDER, arch)


def choice(arch: str, m: int, n: int, k: int) -> Choice:
    """The choice for a shape that was measured, else the device's default; for `m` rows of x."""
    data = of(arch)
    by_rows = data.get("shapes", {}).get(f"{k}x{n}", data["default"])
    return Choice(*by_rows[min(rows for rows in by_rows if rows >= m)])
