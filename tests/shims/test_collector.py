"""Python's garbage collector while vLLM starts: full collections are few, and small.

Also expiry of early/postpone_full_collections, early/capture_keeps_frozen and
registered/freeze_imports. Each start is a new process, for a process freezes and imports once.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from tests.support import fresh, tinylm

POSTPONE = "vllm_gfx.early.postpone_full_collections"
CAPTURE = "vllm_gfx.early.capture_keeps_frozen"
FREEZE = "vllm_gfx.registered.freeze_imports"
ENGINE = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_KVCACHE_SPACE": "1"}
MANY = 100_000  # objects: less than a quarter of what imports leave


def _without(*names: str) -> None:
    """Have `apply` believe that it has decided on these shims."""
    from vllm_gfx import apply

    apply._installed.update(dict.fromkeys(names, False))


def _full_collections() -> list[int]:
    """Grows by each full collection: the number of objects that it looked through."""
    seen: list[int] = []

    def note(phase: str, info: dict[str, Any]) -> None:
        if phase == "start" and info["generation"] == 2:
            seen.append(sum(len(gc.get_objects(generation)) for generation in range(3)))

    gc.callbacks.append(note)
    return seen


def _start() -> tuple[list[int], list[int]]:
    """The full collections until the plug-in is registered, and those from then to the engine."""
    seen = _full_collections()
    from vllm import LLM, plugins

    plugins.load_general_plugins()
    imports = len(seen)
    engine = LLM(str(tinylm.copy(tinylm.ORIGINAL)), dtype="float32", max_model_len=256)
    assert engine, "still there: its end unfreezes"
    return seen[:imports], seen[imports:]


def _ours() -> None:
    ordinary = gc.get_threshold()
    imports, rest = _start()
    assert imports == []
    assert gc.get_threshold() == ordinary, "left as it was while vLLM was imported"
    assert rest and max(rest) < MANY, rest


def _upstream() -> None:
    ordinary = gc.get_threshold()
    _without(POSTPONE, CAPTURE, FREEZE)
    imports, rest = _start()
    assert gc.get_threshold() == ordinary
    assert len(imports) > 2, "vllm_gfx/early/postpone_full_collections.py can go"
    assert len([n for n in rest if n > MANY]) > 2, "vllm_gfx/registered/freeze_imports.py can go"


def test_full_collections_are_few_and_small() -> None:
    fresh.run(_ours, ENGINE)


def test_upstream_collects_all_imports_again_and_again() -> None:
    fresh.run(_upstream, ENGINE)


def _gc_utils(*without: str) -> ModuleType:
    _without(*without)
    return import_module("vllm.utils.gc_utils")


def _captures(gc_utils: ModuleType) -> tuple[int, int]:
    """How much is frozen before and after a capture, in which nothing is collected by itself."""
    gc.freeze()
    before = gc.get_freeze_count()
    with gc_utils.freeze_gc_for_cudagraph_capture():
        assert not gc.isenabled()
    assert gc.isenabled()
    return before, gc.get_freeze_count()


def _capture_ours() -> None:
    gc_utils = _gc_utils()
    assert inspect.getmodule(gc_utils.freeze_gc_for_cudagraph_capture).__name__ == CAPTURE
    before, after = _captures(gc_utils)
    assert after == before > 0
    gc.unfreeze()
    gc.disable()
    with gc_utils.freeze_gc_for_cudagraph_capture():
        assert gc.get_freeze_count(), "nothing was frozen before: as upstream has it"
    assert not gc.get_freeze_count() and not gc.isenabled()


def _capture_asks_for_collections() -> None:
    gc_utils = _gc_utils()
    gc.freeze()
    with gc_utils.freeze_gc_for_cudagraph_capture():
        assert gc.isenabled()
    assert gc.get_freeze_count()


def _garbage_of_a_capture() -> None:
    """It is found after the capture, and so is what became garbage during it."""
    gc_utils = _gc_utils()
    gc.freeze()
    ended: list[str] = []
    older = _cycle(lambda: ended.append("older"))
    with gc_utils.freeze_gc_for_cudagraph_capture():
        _cycle(lambda: ended.append("newer"))
        del older
        assert ended == []
    assert sorted(ended) == ["newer", "older"]


def _cycle(then: Callable[[], None]) -> object:
    class Cycle:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            then()

    return Cycle()


def _capture_upstream() -> None:
    before, after = _captures(_gc_utils(CAPTURE))
    assert before and not after, "vllm_gfx/early/capture_keeps_frozen.py can go"


def test_capture_leaves_frozen_what_was_frozen() -> None:
    fresh.run(_capture_ours)


def test_capture_with_collections_if_asked_for() -> None:
    fresh.run(_capture_asks_for_collections, {"VLLM_ENABLE_CUDAGRAPH_GC": "1"})


def test_garbage_of_a_capture_is_collected_after_it() -> None:
    fresh.run(_garbage_of_a_capture)


def test_upstreams_capture_unfreezes_everything() -> None:
    fresh.run(_capture_upstream)


def test_needed() -> None:
    """Somebody else's thresholds and a collector that is off stay as they are."""
    from vllm_gfx.early import capture_keeps_frozen, postpone_full_collections

    assert capture_keeps_frozen.needed()
    before, enabled = gc.get_threshold(), gc.isenabled()
    try:
        gc.enable()
        gc.set_threshold(700, 10, 10)
        assert postpone_full_collections.needed()
        gc.set_threshold(700, 10, 200)
        assert not postpone_full_collections.needed()
        gc.set_threshold(700, 10, 10)
        gc.disable()
        assert not postpone_full_collections.needed()
    finally:
        gc.set_threshold(*before)
        if enabled:
            gc.enable()
