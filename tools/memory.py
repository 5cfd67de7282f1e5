"""Peak memory of this process and everything below it, sampled."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

PERIOD = 0.25  # seconds between samples
PROC = Path("/proc")


def tree_bytes(root: int) -> int:
    """Resident memory of the process `root` and its descendants; shared pages count each time."""
    parents: dict[int, int] = {}
    resident: dict[int, int] = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            # The name, in parentheses, may hold spaces: state and parent come after it.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            pages = int((folder / "statm").read_text().split()[1])
        except OSError:  # it ended while we looked
            continue
        parents[int(folder.name)] = int(fields[1])
        resident[int(folder.name)] = pages * os.sysconf("SC_PAGE_SIZE")
    return sum(size for pid, size in resident.items() if _is_below(pid, root, parents))


def _is_below(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid not in (root, 0):
        pid = parents.get(pid, 0)
    return pid == root


class Peak:
    """Context manager; `bytes` is the largest sum seen, 0 where there is no /proc."""

    def __init__(self) -> None:
        self.bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(PERIOD):
            self.bytes = max(self.bytes, tree_bytes(os.getpid()))

    def __enter__(self) -> Peak:
        if PROC.is_dir():
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
