"""Wine's own processes, started before any program and kept while programs come and go.

A program that finds none of them starts them, each time anew, and they inherit its standard error:
whoever reads that to its end then waits for Wine's desktop, which lives as long as any program.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

WAITS = ["cmd", "/d", "/q"]  # until its standard input ends
OPENS = ["rundll32", "user32.dll,GetDesktopWindow"]

_lock = threading.Lock()
_kept: list[subprocess.Popen[bytes]] = []
_users = 0


@contextmanager
def kept(wine: str, env: Mapping[str, str]) -> Iterator[None]:
    """Keep them while the block runs; blocks may overlap, and share one."""
    _enter(wine, env)
    try:
        yield
    finally:
        _leave()


def _enter(wine: str, env: Mapping[str, str]) -> None:
    global _users
    with _lock:
        if not _users:
            null = subprocess.DEVNULL
            _kept.append(
                subprocess.Popen(
                    [wine, *WAITS], env=env, stdin=subprocess.PIPE, stdout=null, stderr=null
                )
            )
            subprocess.run([wine, *OPENS], env=env, stdin=null, stdout=null, stderr=null)
        _users += 1


def _leave() -> None:
    global _users
    with _lock:
        _users -= 1
        if not _users:
            process = _kept.pop()
            process.communicate()
