"""A torch built without torch.distributed, for every process that has this folder on PYTHONPATH.

Such a build lacks four functions of torch._C, and its C++ never asks for sharded tensors. Windows'
shim for it is made to apply to this system too.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

SHIM = "vllm_gfx.early.torch_distributed"
INITIALISERS = ("_rpc_init", "_dist_autograd_init", "_faulty_agent_init")
OPS = ("c10d", "_c10d_functional", "_c10d_functional_autograd", "_dtensor", "symm_mem")


def hide_initialisers(extension: ModuleType) -> None:
    """torch.distributed.is_available() looks for the first of them; Windows lacks others anyway."""
    del extension._c10d_init  # type: ignore[attr-defined]
    for name in INITIALISERS:
        vars(extension).pop(name, None)


def hide_ops(torch: Any) -> None:
    """The ops of torch.distributed, and C++'s question whether a tensor is a sharded one.

    A build without answers no without asking; this build asks for the class, once.
    """
    for name in OPS:
        setattr(torch.ops, name, torch._ops._OpNamespace(f"absent_{name}"))

    class Dispatching(torch.Tensor):
        @classmethod
        def __torch_dispatch__(cls, *_: Any) -> None:
            """Asked after C++ asked for DTensor."""

    module: Any = ModuleType("torch.distributed.tensor")
    module.DTensor = type("DTensor", (), {})
    sys.modules[module.__name__] = module
    torch.add(torch.zeros(1).as_subclass(Dispatching), 1)
    del sys.modules[module.__name__]


def apply_here(shim: Any) -> None:
    """Let the shim of Windows be installed."""
    shim.APPLIES = (sys.platform,)


class AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function with each of some modules, right after it was executed."""

    def __init__(self, then: dict[str, Callable[[Any], None]]) -> None:
        self.then = then

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The ordinary one, with a longer exec_module."""
        if name not in self.then:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        assert spec and spec.loader
        loader: Any = spec.loader
        ordinary, then = loader.exec_module, self.then.pop(name)

        def exec_module(module: ModuleType) -> None:
            ordinary(module)
            then(module)

        loader.exec_module = exec_module
        return spec


sys.meta_path.insert(
    0, AfterImport({"torch._C": hide_initialisers, "torch": hide_ops, SHIM: apply_here})
)
