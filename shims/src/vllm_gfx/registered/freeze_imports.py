"""vLLM collects garbage more than ten times while an engine starts, each time through all imports.

Each takes 0.3 to 0.5 s with 600 000 objects of modules, which never become garbage. Frozen, they
are passed over, then and while the engine runs. vLLM freezes them too, but when it has started.
"""

from __future__ import annotations

import gc

from vllm_gfx.early import postpone_full_collections

APPLIES = ("linux", "win32")
TARGET = "gc.freeze"
UPSTREAM = "vllm/utils/gc_utils.py, freeze_gc_heap"
REMOVE_WHEN = "vLLM freezes what it has imported before it loads a model"


def needed() -> bool:
    """Whether nothing is frozen yet."""
    return not gc.get_freeze_count()


def install() -> None:
    """Freeze everything that is there; garbage among it, some hundred objects, stays as well."""
    gc.freeze()
    postpone_full_collections.end()
