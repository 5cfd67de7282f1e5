"""torch.distributed._functional_collectives and _symmetric_memory, for one process."""

from __future__ import annotations

from typing import Any, NoReturn

from torch import Tensor

from vllm_gfx.stand_ins.distributed.types import nobody


def wait_tensor(tensor: Tensor) -> Tensor:
    """The tensor: it is complete."""
    return tensor


def reduce_scatter_tensor(tensor: Tensor, *_: Any, **__: Any) -> Tensor:
    """The tensor: what one process reduces and keeps is all of it."""
    return tensor


# Each returns what this process would receive, which is what it gave.
all_reduce = broadcast = all_gather_tensor = all_to_all_single = reduce_scatter_tensor


def is_symm_mem_enabled_for_group(group_name: str) -> bool:
    """False."""
    return False


def empty(*_: Any, **__: Any) -> NoReturn:
    """Raise Refusal: symmetric memory is shared with other GPUs."""
    raise nobody("_symmetric_memory.empty")


def rendezvous(*_: Any, **__: Any) -> NoReturn:
    """Raise Refusal: symmetric memory is shared with other GPUs."""
    raise nobody("_symmetric_memory.rendezvous")
