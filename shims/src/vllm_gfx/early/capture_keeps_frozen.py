"""vLLM's capture of graphs makes Python's collector forget what was frozen before it.

It freezes the heap to keep the collections that each capture asks for short, and afterwards
unfreezes all of it, also what registered/freeze_imports has frozen. Where that is done, the heap is
small already: then the collector is only disabled during the capture, as upstream does too.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType

from vllm_gfx import on_import

APPLIES = ("linux", "win32")
TARGET = "vllm.utils.gc_utils.freeze_gc_for_cudagraph_capture"
UPSTREAM = "vllm/utils/gc_utils.py, freeze_gc_for_cudagraph_capture"
REMOVE_WHEN = "vLLM's capture leaves frozen what was frozen before, or freeze_imports is gone"

MODULE, _, NAME = TARGET.rpartition(".")


def needed() -> bool:
    """Always: vLLM is not imported yet, so there is nothing to ask."""
    return True


def install() -> None:
    """Replace it before those that capture take it by its name."""
    on_import.call(MODULE, _replace)


def _replace(gc_utils: ModuleType) -> None:
    if original := getattr(gc_utils, NAME, None):
        setattr(gc_utils, NAME, _keeping(original, gc_utils))


def _keeping(
    original: Callable[[], AbstractContextManager[None]], gc_utils: ModuleType
) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def freeze_gc_for_cudagraph_capture() -> Iterator[None]:
        if not gc.get_freeze_count() or gc_utils.envs.VLLM_ENABLE_CUDAGRAPH_GC:
            with original():
                yield
            return
        enabled = gc.isenabled()
        gc.collect()
        gc.disable()
        try:
            yield
        finally:
            gc.collect()
            if enabled:
                gc.enable()

    return freeze_gc_for_cudagraph_capture
