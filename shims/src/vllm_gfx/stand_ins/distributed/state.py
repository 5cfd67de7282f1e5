"""Which groups exist, and the questions about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from vllm_gfx.stand_ins.distributed import types

_numbers = count()


@dataclass
class World:
    """The groups of this process, as torch's `distributed_c10d._world` shows them."""

    default_pg: types.SingleProcessGroup | None = None
    pg_map: dict[types.SingleProcessGroup, tuple[str, Any]] = field(default_factory=dict)


_world = World()


class _Default(type):
    @property
    def WORLD(cls) -> types.SingleProcessGroup | None:
        return _world.default_pg


class GroupMember(metaclass=_Default):
    """`WORLD` is the default group, None before init_process_group."""

    NON_GROUP_MEMBER = -100


group = GroupMember


def is_initialized() -> bool:
    """Whether init_process_group was called."""
    return _world.default_pg is not None


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: timedelta | None = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    **_: Any,
) -> None:
    """Make this process the world. Raises Refusal for more than one process, ValueError if done."""
    types.require_alone("init_process_group", world_size, rank)
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    _world.default_pg = _create(backend)


def new_group(
    ranks: Sequence[int] | None = None,
    timeout: timedelta | None = None,
    backend: str | None = None,
    **_: Any,
) -> types.SingleProcessGroup:
    """A further group of this process. Raises Refusal if `ranks` names another one."""
    default = _get_default_group()
    types.require_alone("new_group", len(ranks or (0,)), max(ranks or (0,)))
    return _create(backend or default.backend)


def split_group(
    parent_pg: Any = None, split_ranks: Sequence[Sequence[int]] = ((0,),), **named: Any
) -> types.SingleProcessGroup:
    """A further group of this process. Raises Refusal if `split_ranks` names another one."""
    ranks = [rank for part in split_ranks for rank in part]
    return new_group(ranks, backend=named.get("backend"))


def destroy_process_group(group: Any = None) -> None:
    """Forget `group`, or all of them with the default group."""
    if group is None or group is _world.default_pg:
        _world.pg_map.clear()
        _world.default_pg = None
    else:
        _world.pg_map.pop(group, None)


def member(what: str, group: Any = None, *ranks: int | None) -> None:
    """Check a call on `group`, None for the default one, that names `ranks`.

    Raises ValueError before init_process_group, Refusal for a group or rank beyond this process.
    """
    size = (_get_default_group() if group is None else group).size()
    types.require_alone(what, size, max(rank or 0 for rank in (0, *ranks)))


def get_rank(group: Any = None) -> int:
    """0."""
    member("get_rank", group)
    return 0


def get_world_size(group: Any = None) -> int:
    """1."""
    member("get_world_size", group)
    return 1


def get_process_group_ranks(group: Any = None) -> list[int]:
    """The only rank."""
    member("get_process_group_ranks", group)
    return [0]


def get_group_rank(group: Any, global_rank: int) -> int:
    """The rank in `group` of a rank of the world: 0."""
    member("get_group_rank", group, global_rank)
    return 0


def get_global_rank(group: Any, group_rank: int) -> int:
    """The rank in the world of a rank of `group`: 0."""
    member("get_global_rank", group, group_rank)
    return 0


def get_backend(group: Any = None) -> types.Backend:
    """The backend that was asked for."""
    found: types.Backend = (_get_default_group() if group is None else group).backend
    return found


def is_backend_available(backend: str) -> bool:
    """Whether it is the one that needs no device."""
    return backend.lower() == types.Backend.GLOO


def is_gloo_available() -> bool:
    """True: what stands in answers to this name."""
    return True


def no_backend() -> bool:
    """False: the answer about every other backend."""
    return False


def _get_default_group() -> types.SingleProcessGroup:
    if _world.default_pg is None:
        raise ValueError("Default process group has not been initialized: call init_process_group.")
    return _world.default_pg


def _get_default_timeout(backend: str) -> timedelta:
    return types.DEFAULT_TIMEOUT


def _create(backend: str | None) -> types.SingleProcessGroup:
    group = types.SingleProcessGroup(str(next(_numbers)), backend or types.Backend.GLOO)
    _world.pg_map[group] = (group.backend, None)
    return group
