"""Collectives of Python objects, and messages between two processes, of which there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from vllm_gfx.stand_ins.distributed.state import member
from vllm_gfx.stand_ins.distributed.types import P2POp, Work, nobody, require_alone


def broadcast_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: Any = None,
    device: Any = None,
    group_src: int | None = None,
) -> None:
    """Leave the objects as they are."""
    member("broadcast_object_list", group, src, group_src)


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Put `obj` into the only slot."""
    member("all_gather_object", group)
    _put("all_gather_object", object_list, obj)


def gather_object(
    obj: Any,
    object_gather_list: list[Any] | None = None,
    dst: int | None = None,
    group: Any = None,
    group_dst: int | None = None,
) -> None:
    """Put `obj` into the only slot."""
    member("gather_object", group, dst, group_dst)
    _put("gather_object", [] if object_gather_list is None else object_gather_list, obj)


def scatter_object_list(
    scatter_object_output_list: list[Any],
    scatter_object_input_list: list[Any] | None = None,
    src: int | None = None,
    group: Any = None,
    group_src: int | None = None,
) -> None:
    """Put the only input into the output."""
    member("scatter_object_list", group, src, group_src)
    _put(
        "scatter_object_list", scatter_object_output_list, (scatter_object_input_list or [None])[0]
    )


def send(*_: Any, **__: Any) -> NoReturn:
    """Raise Refusal: there is nobody to send to."""
    raise nobody("send")


def recv(*_: Any, **__: Any) -> NoReturn:
    """Raise Refusal: there is nobody to receive from."""
    raise nobody("recv")


def isend(*_: Any, **__: Any) -> NoReturn:
    """Raise Refusal: there is nobody to send to."""
    raise nobody("isend")


def irecv(*_: Any, **__: Any) -> NoReturn:
    """Raise Refusal: there is nobody to receive from."""
    raise nobody("irecv")


def batch_isend_irecv(p2p_op_list: Sequence[P2POp]) -> list[Work]:
    """Do nothing for no messages. Raises Refusal for any."""
    if p2p_op_list:
        raise nobody("batch_isend_irecv")
    return []


def _put(what: str, slots: list[Any], obj: Any) -> None:
    require_alone(what, len(slots))
    slots[0] = obj
