"""For test_orphans.py: a process with a child that watches it, both of which would run for ever."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from typing import Any

from vllm_gfx.engine import orphaned_engine


def child(ready: Any, obeys: bool) -> None:
    if not obeys:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        orphaned_engine.GRACE_SECONDS = 1.0
    orphaned_engine.watch()
    ready.set()
    time.sleep(600)


def main(method: str, obeys: str, closes: str) -> None:
    context: Any = multiprocessing.get_context(method)
    ready = context.Event()
    started = context.Process(target=child, args=(ready, obeys == "obeys"))
    started.start()
    ready.wait()
    if closes == "closes":  # its end of the pipe, as when the process object is forgotten
        started._popen.finalizer()
    print(started.pid, flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
