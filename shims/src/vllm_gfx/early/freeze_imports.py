"""vLLM collects garbage more than ten times while an engine starts, each time through all imports.

Each takes 0.3 to 0.5 s with 600 000 objects of modules, which never become garbage. vLLM freezes
them as well, so that they are passed over, but when the engine has started; here it does so before,
too. Only where it does itself: in the engine and its workers, whose end unfreezes everything, not
in a program that has its engine in another process.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable
from types import ModuleType
from typing import Any

from vllm_gfx import on_import
from vllm_gfx.early import postpone_full_collections

APPLIES = ("linux", "win32")
TARGET = "vllm.v1.engine.core.EngineCore.__init__"
UPSTREAM = (
    "vllm/v1/engine/core.py, EngineCore.__init__; vllm/v1/worker/worker_base.py, "
    "WorkerWrapperBase.init_worker; vllm/utils/gc_utils.py, freeze_gc_heap"
)
REMOVE_WHEN = "vLLM freezes what it has imported before it loads a model"

# module -> a class and the method with which its process's part of an engine starts
STARTS = {
    "vllm.v1.engine.core": ("EngineCore", "__init__"),
    "vllm.v1.worker.worker_base": ("WorkerWrapperBase", "init_worker"),
}
_frozen = [0]  # objects, by `_freeze`


def needed() -> bool:
    """Always: vLLM is not imported yet, so there is nothing to ask."""
    return True


def install() -> None:
    """Freeze before the original, as soon as there is one."""
    for module in STARTS:
        on_import.call(module, _wrap)


def ours() -> bool:
    """Whether something is frozen, and no more than was frozen here last."""
    return 0 < gc.get_freeze_count() <= _frozen[0]


def _wrap(module: ModuleType) -> None:
    owner, name = STARTS[module.__name__]
    kind = getattr(module, owner, None)
    if original := getattr(kind, name, None):
        setattr(kind, name, _after_freezing(original))


def _after_freezing(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def start(*args: Any, **kwargs: Any) -> None:
        frozen = _freeze()
        try:
            original(*args, **kwargs)
        except BaseException:
            if frozen:  # there is no engine whose end would do it
                gc.unfreeze()
                _frozen[0] = 0
            raise

    return start


def _freeze() -> bool:
    """What the plug-ins import is there already, garbage is not: whether that is frozen now.

    If anything is frozen it is this, or somebody else's who meant it.
    """
    from vllm.plugins import load_general_plugins
    from vllm.utils.gc_utils import freeze_gc_heap

    load_general_plugins()
    postpone_full_collections.end()  # if VLLM_PLUGINS leaves ours out, nobody else does
    if gc.get_freeze_count():
        return False
    freeze_gc_heap()
    _frozen[0] = gc.get_freeze_count()
    return True
