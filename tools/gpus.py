"""`--target auto`: the target that the GPUs of this machine are for.

A solver's `__amdgpu_arch` tells of one GPU; here all are seen, so a processor's own GPU can be
taken where there is no card, and two cards of different targets can be refused.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Protocol

from tools import paths, solve, variants
from tools.console import err
from tools.errors import ToolError
from tools.variants import Variant

# The plug-in's own; standard library only, so it runs where nothing is installed.
SHIMS = paths.ROOT / "shims" / "src"
ADAPTERS = "vllm_gfx.machine.adapters"
AMD = "AMD"
_DECORATION = re.compile(r"\((tm|r)\)|\bamd\b|\bgraphics\b|\bseries\b", re.IGNORECASE)


class Gpu(Protocol):
    """A graphics adapter, as `vllm_gfx.machine.adapters` describes it."""

    @property
    def vendor(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def gfx(self) -> str: ...


def choice() -> str:
    """The target of this machine, said on stderr too. Raises ToolError."""
    chosen = choose(_module().found(), solve.here())
    err.print(f"target: {chosen.name}")
    return chosen.name


def choose(gpus: Sequence[Gpu], platform: str) -> Variant:
    """The one target of these GPUs: a card's, or a processor's own GPU's where there is no card.

    Raises ToolError if no target fits one of them, if cards ask for different ones, or if a
    processor's own GPU is all that a target fits beside one that none fits.
    """
    amd = [gpu for gpu in gpus if gpu.vendor == AMD]
    targets = [(gpu, _target_of(gpu, platform)) for gpu in amd]
    fits = {v.name: v for _, v in targets if v}
    cards = [v for v in fits.values() if v.is_automatic]
    found = cards or list(fits.values())
    if not found:
        seen = ", ".join(map(_shown, amd)) or "no AMD GPU"
        raise ToolError(
            f"no target for {platform} fits what this machine has: {seen}",
            f"name one: {', '.join(variants.all_targets())}",
        )
    unserved = [gpu for gpu, v in targets if v is None]
    if unserved and not cards:
        raise ToolError(
            f"no target for {platform} fits {_shown(unserved[0])}",
            f"to use the processor's own GPU name it: --target {found[0].name}",
        )
    if len(found) > 1:
        names = " and ".join(v.name for v in found)
        raise ToolError(
            f"this machine has GPUs of {names}, and an environment serves one target",
            f"name it: --target {found[0].name}",
        )
    return found[0]


def _shown(gpu: Gpu) -> str:
    return f"{gpu.name} {gpu.gfx}".strip()


def _target_of(gpu: Gpu, platform: str) -> Variant | None:
    """By its gfx name, which Linux tells, else by its product's name."""
    every = {name: v for name, v in variants.all_targets().items() if platform in v.platforms}
    if gpu.gfx:
        return every.get(gpu.gfx)
    return next((v for v in every.values() if _plain(gpu.name) in map(_model, v.products)), None)


def _model(product: str) -> str:
    """The GPU of a product: for a processor it stands in brackets."""
    inside = re.search(r"\((Radeon [^)]+)\)", product)
    return _plain(inside.group(1) if inside else product)


def _plain(name: str) -> str:
    return " ".join(_DECORATION.sub(" ", name).lower().split())


def _module() -> ModuleType:
    """The plug-in's, which .venv lacks."""
    if str(SHIMS) not in sys.path:
        sys.path.append(str(SHIMS))
    return importlib.import_module(ADAPTERS)
