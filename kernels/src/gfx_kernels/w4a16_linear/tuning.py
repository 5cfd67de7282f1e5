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


@dataclass(frozen=True)
class Many:
    """The same of `many` kernels, whose waves take two tiles of 16 outputs."""

    across: int  # waves of a block beside each other
    parts: int  # of a stage, one for each of as many such rows of waves; a part is a chunk
    depth: int  # stages in flight
    together: int  # blocks that share the stages of the same outputs


def of(arch: str) -> dict[str, Any]:
    """The numbers of `arch`."""
    return tuned.of(FOLDER, arch)


def choice(arch: str, m: int, n: int, k: int) -> Choice:
    """For `m` rows of x: what was measured of the shape, else the device's default."""
    return Choice(*_numbers(arch, m, n, k))


def many(arch: str, m: int, n: int, k: int) -> Many:
    """The same for as many rows as only `many` kernels take."""
    return Many(*_numbers(arch, m, n, k))


def _numbers(arch: str, m: int, n: int, k: int) -> list[int]:
    data = of(arch)
    by_rows: dict[int, list[int]] = data["default"] | data.get("shapes", {}).get(f"{k}x{n}", {})
    return by_rows[min(rows for rows in by_rows if rows >= m)]
