"""Collectives over one process: what it sends is what it gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from vllm_gfx.stand_ins.distributed.state import member
from vllm_gfx.stand_ins.distributed.types import ReduceOp, Work, require_alone


def _done(async_op: bool) -> Work | None:
    return Work() if async_op else None


def _copy(output: Tensor, source: Tensor) -> None:
    output.copy_(source.reshape(output.shape))


def all_reduce(
    tensor: Tensor, op: ReduceOp = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Leave `tensor` as it is."""
    member("all_reduce", group)
    return _done(async_op)


def reduce(
    tensor: Tensor,
    dst: int | None = None,
    op: ReduceOp = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Leave `tensor` as it is."""
    member("reduce", group, dst, group_dst)
    return _done(async_op)


def broadcast(
    tensor: Tensor,
    src: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Leave `tensor` as it is."""
    member("broadcast", group, src, group_src)
    return _done(async_op)


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Return: nobody else is late."""
    member("barrier", group)
    return _done(async_op)


def monitored_barrier(group: Any = None, timeout: Any = None, wait_all_ranks: bool = False) -> None:
    """Return: nobody else is late."""
    member("monitored_barrier", group)


def all_gather(
    tensor_list: list[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False
) -> Work | None:
    """Copy `tensor` to the only slot."""
    member("all_gather", group)
    _copy(only("all_gather", tensor_list), tensor)
    return _done(async_op)


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: Any = None, async_op: bool = False
) -> Work | None:
    """Copy input to output."""
    member("all_gather_into_tensor", group)
    _copy(output_tensor, input_tensor)
    return _done(async_op)


def gather(
    tensor: Tensor,
    gather_list: list[Tensor] | None = None,
    dst: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Copy `tensor` to the only slot."""
    member("gather", group, dst, group_dst)
    _copy(only("gather", gather_list or []), tensor)
    return _done(async_op)


def scatter(
    tensor: Tensor,
    scatter_list: list[Tensor] | None = None,
    src: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Copy the only slot to `tensor`."""
    member("scatter", group, src, group_src)
    _copy(tensor, only("scatter", scatter_list or []))
    return _done(async_op)


def reduce_scatter(
    output: Tensor,
    input_list: list[Tensor],
    op: ReduceOp = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Copy the only input to `output`."""
    member("reduce_scatter", group)
    _copy(output, only("reduce_scatter", input_list))
    return _done(async_op)


def reduce_scatter_tensor(
    output: Tensor,
    input: Tensor,
    op: ReduceOp = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Copy input to output."""
    member("reduce_scatter_tensor", group)
    _copy(output, input)
    return _done(async_op)


def all_to_all(
    output_tensor_list: list[Tensor],
    input_tensor_list: list[Tensor],
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Copy the only input to the only output."""
    member("all_to_all", group)
    _copy(only("all_to_all", output_tensor_list), only("all_to_all", input_tensor_list))
    return _done(async_op)


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: list[int] | None = None,
    input_split_sizes: list[int] | None = None,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Copy input to output."""
    member("all_to_all_single", group)
    _copy(output, input)
    return _done(async_op)


def only(what: str, slots: Sequence[Any]) -> Any:
    """The one slot of a list that has one for each process. Raises Refusal for more."""
    require_alone(what, len(slots))
    return slots[0]
