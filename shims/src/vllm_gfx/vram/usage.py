"""What the rows of Windows' counter set `GPU Process Memory` say of one process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# A process on an adapter: pid_4711_luid_0x00000000_0x0000F2A1_phys_0. Linked GPUs share a LUID and
# have one `phys` each.
_INSTANCE = re.compile(r"pid_(\d+)_(luid_0x[0-9a-f]+_0x[0-9a-f]+)_phys_\d+", re.IGNORECASE)

# Field of Usage -> the counter's English name.
COUNTERS = {
    "shared": "Shared Usage",
    "dedicated": "Dedicated Usage",
    "committed": "Total Committed",
}
# What is judged; the rest may be missing.
_NEEDED = ("shared", "dedicated")
Rows = Mapping[str, Mapping[str, int | None]]  # field -> instance -> bytes, None if invalid


@dataclass(frozen=True)
class Usage:
    """Bytes of a process on one adapter: of system memory, of the GPU's own, of both promised."""

    shared: int = 0
    dedicated: int = 0
    committed: int = 0


Reading = Mapping[str, Usage]  # adapter -> usage


def by_process(rows: Rows) -> dict[int, Reading | None]:
    """Process -> its reading; None if Windows told only a part of it, which would read as less.

    Instances with names of another form are left out.
    """
    sums: dict[int, dict[str, Usage]] = {}
    partial: set[int] = set()
    for instance in {name for instances in rows.values() for name in instances}:
        if (found := _INSTANCE.fullmatch(instance)) is not None:
            pid, adapter = int(found[1]), found[2].lower()
            values = {field: rows.get(field, {}).get(instance) for field in COUNTERS}
            if any(values[field] is None for field in _NEEDED):
                partial.add(pid)
            adapters = sums.setdefault(pid, {})
            adapters[adapter] = _plus(adapters.get(adapter, Usage()), values)
    return {pid: None if pid in partial else reading for pid, reading in sums.items()}


def _plus(usage: Usage, values: Mapping[str, int | None]) -> Usage:
    return Usage(**{field: getattr(usage, field) + (values[field] or 0) for field in COUNTERS})


def in_use(reading: Reading) -> str | None:
    """The adapter that holds most of the process's GPU memory: the one its model is on.

    A runtime may open every GPU, so others can have a little, too. None without any.
    """
    return max(reading, key=lambda a: (reading[a].dedicated, reading[a].shared), default=None)
