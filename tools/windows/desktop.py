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
_kept: list[subprocess.Popen[bytes]] = []  # the one that waits, once for each block


@contextmanager
def kept(wine: str, env: Mapping[str, str]) -> Iterator[None]:
    """Keep them while the block runs; blocks may overlap, and share one."""
    _enter(wine, env)
    try:
        yield
    finally:
        _leave()


def _enter(wine: str, env: Mapping[str, str]) -> None:
    with _lock:
        _kept.append(_kept[0] if _kept else _started(wine, env))


def _started(wine: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    null = subprocess.DEVNULL
    process = subprocess.Popen(
        [wine, *WAITS], env=env, stdin=subprocess.PIPE, stdout=null, stderr=null
    )
    try:
        subprocess.run([wine, *OPENS], env=env, stdin=null, stdout=null, stderr=null)
    except BaseException:  # Ctrl-C: no block would end it
        process.communicate()
        raise
    return process


def _leave() -> None:
    with _lock:
        process = _kept.pop()
        if not _kept:
            process.communicate()
