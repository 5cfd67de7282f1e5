"""`@torch.compile` imports the whole of Inductor to note its settings, whether or not it compiles.

vLLM and compressed-tensors put it on functions that most engines never call. The settings are noted
for `function.get_compiler_config()`; with this they are found out when that is called, and are
those of that moment. The method that is replaced is torch's own, which only `_optimize` calls.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

from vllm_gfx import on_import

APPLIES = ("linux", "win32")
TARGET = "torch._TorchCompileInductorWrapper.get_compiler_config"
UPSTREAM = "torch/_dynamo/eval_frame.py, _optimize"
REMOVE_WHEN = "torch.compile as a decorator leaves torch._inductor.compile_fx unimported"

CLASS, NAME = TARGET.split(".")[1:]
MODULE, CONTEXT, NOTED = "torch._dynamo.eval_frame", "_TorchDynamoContext", "compiler_config"


class _Later(NamedTuple):
    ask: Callable[[], dict[str, Any]]


def needed() -> bool:
    """Always: torch is not imported yet, so there is nothing to ask."""
    return True


def install() -> None:
    """Replace both who answers and who notes the answer, as soon as torch has them."""
    on_import.call(MODULE, _replace)


def _replace(eval_frame: ModuleType) -> None:
    wrapper = getattr(sys.modules["torch"], CLASS, None)
    context = getattr(eval_frame, CONTEXT, None)
    if context and (original := getattr(wrapper, NAME, None)):
        setattr(wrapper, NAME, lambda self: _Later(partial(original, self)))
        setattr(context, NOTED, property(_noted, _note))


def _note(context: Any, settings: Any) -> None:
    vars(context)[NOTED] = settings


def _noted(context: Any) -> Any:
    found = vars(context)[NOTED]
    if isinstance(found, _Later):
        found = vars(context)[NOTED] = found.ask()
    return found
