"""`@torch.compile` imports the whole of Inductor to note its settings, whether or not it compiles.

vLLM and compressed-tensors put it on functions that most engines never call. The settings are noted
for `function.get_compiler_config()`, which nobody here asks for; with this they are found out then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import ModuleType
from typing import Any

from vllm_gfx import on_import

APPLIES = ("linux", "win32")
TARGET = "torch._TorchCompileInductorWrapper.get_compiler_config"
UPSTREAM = "torch/_dynamo/eval_frame.py, _optimize"
REMOVE_WHEN = "torch.compile as a decorator leaves torch._inductor.compile_fx unimported"

CLASS, NAME = TARGET.split(".")[1:]
INDUCTOR = "torch._inductor.compile_fx"


def needed() -> bool:
    """Always: torch is not imported yet, so there is nothing to ask."""
    return True


def install() -> None:
    """Replace the method as soon as torch has it."""
    on_import.call("torch", _replace)


def _replace(torch: ModuleType) -> None:
    wrapper = getattr(torch, CLASS, None)
    if original := getattr(wrapper, NAME, None):
        setattr(wrapper, NAME, _when_asked(original))


def _when_asked(original: Callable[[Any], dict[str, Any]]) -> Callable[[Any], Mapping[str, Any]]:
    def get_compiler_config(self: Any) -> Mapping[str, Any]:
        return original(self) if INDUCTOR in sys.modules else Settings(lambda: original(self))

    return get_compiler_config


class Settings(Mapping[str, Any]):
    """What `ask` gives, asked when somebody looks; a pickle of it is an ordinary dict."""

    def __init__(self, ask: Callable[[], dict[str, Any]]) -> None:
        self._ask = ask

    @cached_property
    def _found(self) -> dict[str, Any]:
        return self._ask()

    def __getitem__(self, name: str) -> Any:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (self._found,)
