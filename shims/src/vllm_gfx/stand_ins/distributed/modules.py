"""Puts the stand-in where vLLM looks for it: names of torch.distributed, and modules beside it.

Torch's own optional parts ask whether a module is there by catching ModuleNotFoundError. So a name
that a module of ours lacks raises that too, and packages that could now be imported by half stay
absent.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NoReturn

import torch.distributed as native

from vllm_gfx.stand_ins.distributed import collectives, exchange, functional, state, stores, types

_QUERIES = ("is_nccl_available", "is_mpi_available", "is_ucc_available", "is_xccl_available")
# With our modules in place these would begin to import and end in another error than before.
ABSENT = (
    "_functional_collectives_impl",
    "_shard",
    "_sharded_tensor",
    "_sharding_spec",
    "_state_dict_utils",
    "_tensor",
    "_tools",
    "checkpoint",
    "optim",
    "pipelining",
    "tensor",
)


class StandInModule(ModuleType):
    """A module that lacks what it lacks as an absent module would."""

    def __getattr__(self, name: str) -> NoReturn:
        what = f"{self.__name__}.{name}"
        if name.startswith("__"):
            raise AttributeError(what)
        raise ModuleNotFoundError(
            f"No module named {what!r}: this torch is built without torch.distributed", name=what
        )


def install() -> None:
    """Fill torch.distributed. Existing names stay, is_available() among them."""
    public = _public()
    for name, value in public.items():
        if not hasattr(native, name):
            setattr(native, name, value)
    for name in ABSENT:
        sys.modules[f"torch.distributed.{name}"] = None  # type: ignore[assignment]
    for name, content in _submodules(public).items():
        _place(name, content)


def _public() -> dict[str, Any]:
    names = {**_defined(collectives), **_defined(exchange), **_defined(state), **_defined(stores)}
    del names["member"], names["only"], names["World"]
    named = {name: getattr(types, name) for name in ("Backend", "P2POp", "ReduceOp", "Work")}
    named |= {"ProcessGroup": types.SingleProcessGroup, "group": state.group}
    named |= {"all_gather_single": collectives.all_gather_into_tensor}
    return names | named | dict.fromkeys(_QUERIES, state.no_backend)


def _submodules(public: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    private = ("_world", "_get_default_group", "_get_default_timeout")
    c10d = {**public, **{name: getattr(state, name) for name in private}}
    # Groups are known to this process alone: there is nothing to register them with.
    registry = dict.fromkeys(("_register_process_group", "_unregister_process_group"), _forget)
    c10d |= registry | {"ProcessGroup": native.ProcessGroup}
    symmetric = ("is_symm_mem_enabled_for_group", "empty", "rendezvous")
    functions = {k: v for k, v in _defined(functional).items() if k not in symmetric}
    sharded = {"FullyShardedDataParallel": types.FullyShardedDataParallel}
    return {
        "torch._C._distributed_c10d": c10d | {"_SymmetricMemory": types.SymmetricMemory},
        "torch.distributed.distributed_c10d": c10d,
        "torch.distributed.constants": {"default_pg_timeout": types.DEFAULT_TIMEOUT},
        "torch.distributed.rendezvous": {"rendezvous": stores.rendezvous},
        "torch.distributed._functional_collectives": functions,
        "torch.distributed._symmetric_memory": {n: getattr(functional, n) for n in symmetric},
        "torch.distributed.fsdp": sharded,
        "torch.distributed.fsdp.fully_sharded_data_parallel": sharded,
    }


def _place(name: str, content: Mapping[str, Any]) -> None:
    module = StandInModule(name, __doc__)
    vars(module).update(content)
    sys.modules[name] = module
    parent, _, own = name.rpartition(".")
    setattr(sys.modules[parent], own, module)


def _defined(module: ModuleType) -> dict[str, Any]:
    """The public names that `module` itself defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }


def _forget(*_: Any) -> None:
    """Nothing."""
