"""The types: what vLLM names in annotations, compares, and hands back to us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Any

import torch
import torch.distributed

from vllm_gfx.refusal import Refusal

DEFAULT_TIMEOUT = timedelta(minutes=30)
_REMEDY = "serve on one GPU, or install a torch that has torch.distributed"
# Without its C++ half torch still names this class, for annotations.
_Declared: Any = getattr(torch.distributed, "ProcessGroup", object)


def require_alone(what: str, world_size: int = 1, rank: int = 0) -> None:
    """Raise Refusal if `what` reaches beyond this process, which is rank 0 of 1."""
    if world_size > 1 or rank > 0:
        raise Refusal(
            f"torch.distributed.{what} with rank {rank} of {max(world_size, rank + 1)} processes: "
            "this torch is built without torch.distributed, so there is one process only",
            _REMEDY,
        )


def nobody(what: str) -> Refusal:
    """The error of a call that needs a partner."""
    return Refusal(
        f"torch.distributed.{what} needs a second process, and this torch is built without "
        "torch.distributed",
        _REMEDY,
    )


class ReduceOp(IntEnum):
    """Ways to combine tensors; over one process each gives the tensor back."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7
    PREMUL_SUM = 8


class Backend(str):
    """The name of a way to communicate, in lower case."""

    __slots__ = ()
    UNDEFINED = "undefined"
    GLOO = "gloo"
    NCCL = "nccl"
    MPI = "mpi"
    UCC = "ucc"
    XCCL = "xccl"

    def __new__(cls, name: str) -> Backend:
        """The lower-case name."""
        return super().__new__(cls, name.lower())


class Work:
    """A collective that is done: over one process none takes any time."""

    def wait(self, timeout: timedelta | None = None) -> bool:
        """True at once."""
        return True

    def is_completed(self) -> bool:
        """True."""
        return True

    is_success = is_completed

    def exception(self) -> None:
        """None: nothing failed."""


class SingleProcessGroup(_Declared):  # type: ignore[misc]
    """A group whose only member is this process."""

    def __init__(self, name: str, backend: str) -> None:
        self.group_name = name
        self.backend = Backend(backend)

    def size(self) -> int:
        """1."""
        return 1

    def rank(self) -> int:
        """0."""
        return 0

    def name(self) -> str:
        """The backend that was asked for."""
        return self.backend

    def shutdown(self) -> None:
        """Nothing is open."""


@dataclass
class P2POp:
    """A send or receive to be batched; there is nobody to exchange with."""

    op: Any
    tensor: torch.Tensor
    peer: int | None = None
    group: Any = None
    tag: int = 0


class SymmetricMemory:
    """Memory that several GPUs map; here there is none."""

    @staticmethod
    def has_multicast_support(*_: Any) -> bool:
        """False."""
        return False


class FullyShardedDataParallel(torch.nn.Module):
    """For isinstance: no module is sharded here."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise Refusal(
            "this torch is built without torch.distributed, so it shards nothing", _REMEDY
        )
