"""Python's garbage collector while vLLM starts: few of its collections go through all imports.

Also expiry of early/postpone_full_collections, early/freeze_imports and early/capture_keeps_frozen.
Each start is a new process, for a process imports once.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import fresh, tinylm

POSTPONE = "vllm_gfx.early.postpone_full_collections"
FREEZE = "vllm_gfx.early.freeze_imports"
CAPTURE = "vllm_gfx.early.capture_keeps_frozen"
IN_PROCESS = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
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


def _engine(memory: int = 1 << 24) -> Any:
    from vllm import LLM

    model = str(tinylm.copy(tinylm.ORIGINAL))
    return LLM(model, dtype="float32", max_model_len=256, kv_cache_memory_bytes=memory)


def _start() -> tuple[Any, list[int], list[int]]:
    """An engine, the full collections until plug-ins are loaded, and those from then on."""
    seen = _full_collections()
    plugins = import_module("vllm.plugins")
    import_module("vllm.entrypoints.llm")
    plugins.load_general_plugins()
    imports = len(seen)
    engine = _engine()
    return engine, seen[:imports], seen[imports:]


def _ours() -> None:
    ordinary = gc.get_threshold()
    engine, imports, rest = _start()
    assert imports == []
    assert gc.get_threshold() == ordinary, "left as it was while vLLM was imported"
    large = [size > MANY for size in rest]
    # One that is due, the one before freezing; then those that upstream asks for.
    assert sum(large) <= 2 and large[-3:] == [False] * 3, rest
    assert gc.get_freeze_count() > MANY
    engine.llm_engine.engine_core.shutdown()
    assert not gc.get_freeze_count(), "a program that goes on has its heap back"
    again = _engine()
    assert again and gc.get_freeze_count() > MANY


def _upstream() -> None:
    ordinary = gc.get_threshold()
    _without(POSTPONE, FREEZE, CAPTURE)
    engine, imports, rest = _start()
    assert engine and gc.get_threshold() == ordinary
    assert len(imports) > 2, "vllm_gfx/early/postpone_full_collections.py can go"
    assert min(rest[-3:]) > MANY, "vllm_gfx/early/freeze_imports.py can go"


def _without_our_plugin() -> None:
    ordinary = gc.get_threshold()
    import_module("vllm.plugins")
    from vllm_gfx.early import freeze_imports, postpone_full_collections

    assert gc.get_threshold()[2] == postpone_full_collections.FULL
    freeze_imports._freeze()
    assert gc.get_threshold() == ordinary


def _engine_elsewhere() -> None:
    engine = _engine()
    assert engine and not gc.get_freeze_count()


def test_collections_are_small_once_imports_are_frozen() -> None:
    fresh.run(_ours, IN_PROCESS)


def test_upstream_collects_all_imports_again_and_again() -> None:
    fresh.run(_upstream, IN_PROCESS)


def test_collections_go_on_if_our_plugin_is_left_out() -> None:
    fresh.run(_without_our_plugin, {"VLLM_PLUGINS": "none"})


def test_a_program_with_its_engine_elsewhere_is_left_alone() -> None:
    """What it owns may be in a cycle with the engine, whose end is then a matter of collecting."""
    fresh.run(_engine_elsewhere, {"VLLM_ENABLE_V1_MULTIPROCESSING": "1"})


def _dropped(ended: list[str], name: str) -> None:
    """Leaves a cycle to the collector, which adds `name` to `ended`."""

    class Cycle:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            ended.append(name)

    Cycle()


def _freezing() -> None:
    from vllm_gfx.early import freeze_imports

    ended: list[str] = []
    seen: list[int] = []
    gc.disable()
    _dropped(ended, "before")
    start = freeze_imports._after_freezing(lambda: seen.append(gc.get_freeze_count()))
    start()
    assert ended == ["before"], "garbage is not frozen: it may hold the GPU's memory"
    assert seen[0] > MANY and freeze_imports.ours()
    count = gc.get_freeze_count()
    kept = [[number] for number in range(1000)]
    start()
    assert gc.get_freeze_count() == count, "what is frozen stays as it is"
    gc.freeze()
    assert kept and not freeze_imports.ours(), "more than that is frozen"
    gc.unfreeze()
    assert not freeze_imports.ours()


def _start_that_fails() -> None:
    """A worker that has started cannot have the memory that it is asked for."""
    with pytest.raises(ValueError, match="ask for less"):
        _engine(memory=1 << 50)
    assert not gc.get_freeze_count()


def _starts() -> None:
    from vllm_gfx.early import freeze_imports

    for module, (owner, name) in freeze_imports.STARTS.items():
        start = getattr(getattr(import_module(module), owner), name)
        assert start.__code__.co_filename == freeze_imports.__file__, (owner, name)

    def fail() -> None:
        assert gc.get_freeze_count() > MANY
        raise MemoryError

    with pytest.raises(MemoryError):
        freeze_imports._after_freezing(fail)()
    assert not gc.get_freeze_count()
    gc.freeze()
    with pytest.raises(MemoryError):
        freeze_imports._after_freezing(fail)()
    assert gc.get_freeze_count(), "somebody else's"


def test_garbage_is_not_frozen_and_nothing_twice() -> None:
    fresh.run(_freezing)


def test_a_start_that_fails_leaves_nothing_frozen() -> None:
    fresh.run(_start_that_fails, IN_PROCESS)


def test_engines_and_workers_freeze_and_unfreeze() -> None:
    fresh.run(_starts)


def _capture(inside: Callable[[], None] = lambda: None) -> None:
    gc_utils = import_module("vllm.utils.gc_utils")
    with gc_utils.freeze_gc_for_cudagraph_capture():
        inside()


def _captures() -> None:
    from vllm_gfx.early import freeze_imports

    ended: list[str] = []

    def inside() -> None:
        assert ended == ["before"]
        _dropped(ended, "inside")
        kept = [[number] for number in range(3 * gc.get_threshold()[0])]
        assert kept and ended == ["before"], "none is collected while graphs are captured"

    freeze_imports._freeze()
    count = gc.get_freeze_count()
    _dropped(ended, "before")
    _capture(inside)
    assert ended == ["before", "inside"] and gc.isenabled()
    assert 0 < gc.get_freeze_count() <= count
    gc.disable()
    _capture()
    assert gc.get_freeze_count() and not gc.isenabled(), "left as it was"


def _interrupted_capture() -> None:
    """Ctrl-C while the garbage of a capture is collected."""
    from vllm_gfx.early import capture_keeps_frozen, freeze_imports

    collections: list[str] = []

    def collect() -> None:
        collections.append("full")
        if len(collections) == 2:
            raise KeyboardInterrupt

    freeze_imports._freeze()
    capture_keeps_frozen.gc = SimpleNamespace(**{**vars(gc), "collect": collect})  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        _capture()
    assert len(collections) == 2 and gc.isenabled()


def _captures_as_upstream() -> None:
    """Where nothing is frozen, or more than we have frozen."""
    from vllm_gfx.early import freeze_imports

    _capture(lambda: _is_frozen(True))
    assert not gc.get_freeze_count()
    freeze_imports._freeze()
    os.environ["VLLM_ENABLE_CUDAGRAPH_GC"] = "1"
    _capture(lambda: _is_frozen(gc.isenabled()))
    del os.environ["VLLM_ENABLE_CUDAGRAPH_GC"]
    assert gc.get_freeze_count(), "upstream's for that variable leaves it alone"
    kept = [[number] for number in range(1000)]
    gc.freeze()
    _capture(lambda: _is_frozen(True))
    assert kept and not gc.get_freeze_count()


def _is_frozen(wanted: bool) -> None:
    assert bool(gc.get_freeze_count()) == wanted


def _upstreams_capture() -> None:
    _without(CAPTURE)
    from vllm_gfx.early import freeze_imports

    freeze_imports._freeze()
    _capture()
    assert not gc.get_freeze_count(), "vllm_gfx/early/capture_keeps_frozen.py can go"


def test_captures_keep_imports_frozen() -> None:
    fresh.run(_captures)


def test_an_interrupted_capture_leaves_the_collector_on() -> None:
    fresh.run(_interrupted_capture)


def test_captures_are_upstreams_otherwise() -> None:
    fresh.run(_captures_as_upstream)


def test_upstreams_capture_unfreezes_everything() -> None:
    fresh.run(_upstreams_capture)


def test_needed() -> None:
    """Somebody else's thresholds and a collector that is off stay as they are."""
    from vllm_gfx.early import postpone_full_collections

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
