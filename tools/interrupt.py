"""Ctrl-C while a library written in Rust works: it would go on to the end and forget the wish."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import psutil

from tools.console import err

Result = TypeVar("Result")


def interruptible(work: Callable[[], Result]) -> Result:
    """`work()` in a thread of its own, so that this one hears Ctrl-C.

    Then every process that it started is killed, which ends it, and KeyboardInterrupt is raised
    when it has ended: nothing goes on writing behind our back.
    """
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            return future.result()
        except KeyboardInterrupt:
            err.print("stopping what runs")
            while not future.done():
                kill_children()
                wait([future], timeout=0.2)
            raise


def kill_children() -> None:
    """Kill every process below this one."""
    for process in psutil.Process().children(recursive=True):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
