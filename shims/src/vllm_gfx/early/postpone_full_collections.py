"""Importing vLLM makes Python search everything it has imported for garbage, again and again.

A full collection follows whenever the number of objects has grown by a quarter; 5000 modules grow
from nothing, and none of them is garbage. Until the plug-in is registered, full collections are a
hundred times rarer; young objects are collected as ever, so a process that imports vLLM and never
comes that far still collects everything, later.
"""

from __future__ import annotations

import gc

APPLIES = ("linux", "win32")
TARGET = "gc.set_threshold"
UPSTREAM = "https://docs.python.org/3/library/gc.html#gc.set_threshold"
REMOVE_WHEN = "importing vLLM's engine causes no full collections without it"

FULL = 1000  # collections of the middle generation between full ones; Python has 10
_before: list[tuple[int, int, int]] = []


def needed() -> bool:
    """Whether full collections are as frequent as Python has them; who changed that meant it."""
    return gc.isenabled() and gc.get_threshold()[2] <= 10


def install() -> None:
    """Make them rare, until `end`."""
    _before.append(gc.get_threshold())
    gc.set_threshold(*_before[0][:2], FULL)


def end() -> None:
    """As before `install`, unless somebody else has set something since."""
    if _before and gc.get_threshold() == (*_before[0][:2], FULL):
        gc.set_threshold(*_before.pop())
