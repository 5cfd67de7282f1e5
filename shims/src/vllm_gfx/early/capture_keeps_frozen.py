"""vLLM's capture of graphs makes Python's collector forget what was frozen before it.

A collection during a capture could spoil it, so there is none: upstream disables the collector, and
freezes the heap lest somebody asks for one. Afterwards it unfreezes all of it, also what
freeze_imports has frozen. While nothing else is frozen, the collector is only disabled here; after
the start vLLM has frozen the engine too, and captures are upstream's.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType

from vllm_gfx import on_import
from vllm_gfx.early import freeze_imports

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
        if not freeze_imports.ours() or gc_utils.envs.VLLM_ENABLE_CUDAGRAPH_GC:
            with original():
                yield
            return
        enabled = gc.isenabled()
        gc.collect()
        try:
            gc.disable()
            try:
                yield
            finally:
                gc.collect()
        finally:
            if enabled:  # also if Ctrl-C came during that collection
                gc.enable()

    return freeze_gc_for_cudagraph_capture
