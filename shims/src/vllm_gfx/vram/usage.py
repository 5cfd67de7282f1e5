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
Rows = Mapping[str, Mapping[str, int]]  # field -> instance -> bytes


@dataclass(frozen=True)
class Usage:
    """Bytes of a process on one adapter: of system memory, of the GPU's own, of both promised."""

    shared: int = 0
    dedicated: int = 0
    committed: int = 0


Reading = Mapping[str, Usage]  # adapter -> usage


def by_process(rows: Rows) -> dict[int, dict[str, Usage]]:
    """Process -> adapter -> usage. Instances with names of another form are left out."""
    sums: dict[int, dict[str, dict[str, int]]] = {}
    for field, instances in rows.items():
        for instance, value in instances.items():
            if (found := _INSTANCE.fullmatch(instance)) is not None:
                adapters = sums.setdefault(int(found[1]), {})
                fields = adapters.setdefault(found[2].lower(), dict.fromkeys(COUNTERS, 0))
                fields[field] += value
    return {
        pid: {adapter: Usage(**fields) for adapter, fields in adapters.items()}
        for pid, adapters in sums.items()
    }


def in_use(reading: Reading) -> str | None:
    """The adapter that holds most of the process's GPU memory: the one its model is on.

    A runtime may open every GPU, so others can have a little, too. None without any.
    """
    return max(reading, key=lambda a: (reading[a].dedicated, reading[a].shared), default=None)
