"""Importing vLLM makes Python search everything it has imported for garbage, again and again.

A full collection follows whenever the number of objects has grown by a quarter; 5000 modules grow
from nothing, and none of them is garbage. Until the plug-in has imported what it registers, full
collections are rarer: 130 of the middle generation happen until then, and each tenth was followed
by one. Young objects are collected as ever, and a process that imports vLLM and never comes that
far still collects everything, later.
"""

from __future__ import annotations

import gc

from vllm_gfx import on_import

APPLIES = ("linux", "win32")
TARGET = "gc.set_threshold"
UPSTREAM = "https://docs.python.org/3/library/gc.html#gc.set_threshold"
REMOVE_WHEN = "importing vLLM causes no full collections, or no prefix has a Python before 3.14"

ORDINARY, FULL = 10, 250  # collections of the middle generation between full ones
LAST = "vllm_gfx.linear.registration"  # of the plug-in's imports
_before: list[tuple[int, int, int]] = []


def needed() -> bool:
    """Whether full collections are as frequent as Python has them; who changed that meant it."""
    return gc.isenabled() and gc.get_threshold()[2] == ORDINARY


def install() -> None:
    """Make them rare, until `end`."""
    _before.append(gc.get_threshold())
    gc.set_threshold(*_before[0][:2], FULL)
    on_import.call(LAST, lambda _: end())


def end() -> None:
    """As before `install`, unless somebody else has set something since. Again: nothing."""
    if _before and gc.get_threshold() == (*_before[0][:2], FULL):
        gc.set_threshold(*_before.pop())
