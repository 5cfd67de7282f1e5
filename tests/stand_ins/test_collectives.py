"""One process's collectives: the identity, and a clear line for anything beyond it."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

from tests.stand_ins.without import WITHOUT
from tests.support import fresh

TWO = type("Two", (), {"size": lambda self: 2, "rank": lambda self: 1})
ONE_PROCESS = "there is one process only; serve on one GPU"


def _all() -> None:
    import vllm_gfx.early  # noqa: F401

    dist: Any = import_module("torch.distributed")
    with pytest.raises(ValueError, match="has not been initialized"):
        dist.get_rank()
    dist.init_process_group("gloo", world_size=1, rank=0)
    for check in (_queries, _identity, _objects, _stores, _beyond):
        check(dist)
    dist.destroy_process_group()
    assert not dist.is_initialized() and dist.group.WORLD is None


def _queries(dist: Any) -> None:
    group = dist.new_group([0], backend="gloo")
    assert isinstance(group, dist.ProcessGroup)
    assert (dist.get_rank(group), dist.get_world_size(), dist.get_backend(group)) == (0, 1, "gloo")
    assert dist.get_process_group_ranks(group) == [0] == [dist.get_group_rank(group, 0)]
    assert dist.is_gloo_available() and dist.is_backend_available("GLOO")
    assert not any((dist.is_nccl_available(), dist.is_xccl_available()))
    assert not dist.is_backend_available("nccl") and dist.Backend("NCCL") == dist.Backend.NCCL
    world = import_module("torch.distributed.distributed_c10d")._world
    assert group in world.pg_map and world.default_pg is dist.group.WORLD
    dist.destroy_process_group(group)
    assert group not in world.pg_map and dist.is_initialized()


def _identity(dist: Any) -> None:
    torch: Any = import_module("torch")
    x = torch.arange(6.0).reshape(2, 3)
    for name in ("all_reduce", "broadcast", "reduce"):
        work = getattr(dist, name)(y := x.clone(), async_op=True, **_root(dist, name))
        assert work.wait() and work.is_completed() and torch.equal(x, y)
        assert getattr(dist, name)(y, **_root(dist, name)) is None
    for name in ("all_gather_into_tensor", "reduce_scatter_tensor", "all_to_all_single"):
        getattr(dist, name)(y := torch.zeros(2, 3), x)
        assert torch.equal(x, y), name
    dist.all_gather([y := torch.zeros(2, 3)], x)
    dist.gather(x, [z := torch.zeros(2, 3)], dst=0)
    dist.scatter(u := torch.zeros(2, 3), [x], src=0)
    dist.reduce_scatter(v := torch.zeros(2, 3), [x])
    dist.all_to_all([w := torch.zeros(2, 3)], [x])
    assert all(torch.equal(x, found) for found in (y, z, u, v, w))
    funcol = import_module("torch.distributed._functional_collectives")
    assert funcol.wait_tensor(funcol.reduce_scatter_tensor(x, "sum", 0, dist.group.WORLD)) is x


def _root(dist: Any, name: str) -> dict[str, int]:
    wanted = inspect.signature(getattr(dist, name)).parameters
    return {key: 0 for key in ("src", "dst") if key in wanted}


def _objects(dist: Any) -> None:
    dist.broadcast_object_list(kept := ["a", 1], src=0)
    dist.all_gather_object(all_of := [None], "b")
    dist.gather_object("c", gathered := [None], dst=0)
    dist.scatter_object_list(scattered := [None], ["d"], src=0)
    assert (kept, all_of, gathered, scattered) == (["a", 1], ["b"], ["c"], ["d"])
    assert dist.batch_isend_irecv([]) == []


def _stores(dist: Any) -> None:
    store = dist.TCPStore("127.0.0.1", 1, 1, True)
    store.set("a", "1")
    assert (store.get("a"), store.add("a", 2), store.num_keys()) == (b"1", 3, 1)
    with pytest.raises(dist.DistStoreError, match="no other process will set b"):
        store.get("b")
    spaces = [dist.PrefixStore(p, store) for p in ("x", "y")]
    spaces[0].set("k", "x's")
    assert spaces[0].get("k") == b"x's" and not spaces[1].check(["k"])
    assert dist.PrefixStore("x", store).get("k") == b"x's", "another door to the same keys"


def _beyond(dist: Any) -> None:
    """Groups of two, ranks other than 0, and partners."""
    torch: Any = import_module("torch")
    x, two = torch.zeros(1), TWO()
    of_two = {
        "all_reduce": (x,),
        "all_gather": ([x, x], x),
        "all_gather_object": ([None, None], x),
        "all_gather_into_tensor": (x, x),
        "all_to_all": ([x, x], [x, x]),
        "all_to_all_single": (x, x),
        "barrier": (),
        "broadcast": (x, 0),
        "broadcast_object_list": ([x], 0),
        "gather": (x,),
        "gather_object": (x,),
        "monitored_barrier": (),
        "reduce": (x, 0),
        "reduce_scatter": (x, [x, x]),
        "reduce_scatter_tensor": (x, x),
        "scatter": (x,),
        "scatter_object_list": ([x],),
    }
    for name, given in of_two.items():
        with pytest.raises(ValueError, match=f"distributed.{name} with .*{ONE_PROCESS}"):
            getattr(dist, name)(*given, group=two)
    for call in (
        lambda: dist.broadcast(x, 1),
        lambda: dist.new_group([0, 1]),
        lambda: dist.new_group([1]),
        lambda: dist.split_group(split_ranks=[[0], [1]]),
        lambda: dist.init_process_group("gloo", world_size=2, rank=0),
        lambda: dist.TCPStore("127.0.0.1", 1, 2, True),
        lambda: dist.FileStore("f", 2),
        lambda: next(import_module("torch.distributed.rendezvous").rendezvous("tcp://a", 0, 2)),
        lambda: dist.all_gather([x, x], x),
    ):
        with pytest.raises(ValueError, match=ONE_PROCESS):
            call()
    for name in ("send", "recv", "isend", "irecv"):
        with pytest.raises(ValueError, match=f"distributed.{name} needs a second process"):
            getattr(dist, name)(x, 1)


def test_one_process_is_the_world() -> None:
    fresh.run(_all, WITHOUT)
