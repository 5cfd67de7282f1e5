"""A device whose clock only moves when a graph is replayed: logic is tested with it, not speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gfx_bench.contestants import Contestant, Round
from gfx_bench.device import Call


class Dummy:
    """A replay takes `costs(calls)` microseconds; `log` is what happened, in order."""

    torch_name = "cpu"

    def __init__(self, cost: Callable[[Sequence[Call]], float] = len) -> None:
        self.now, self.cost, self.log = 0.0, cost, list[Any]()

    def capture(self, calls: Sequence[Call]) -> Call:
        self.log.append(("capture", len(calls)))
        return partial(self._replay, calls)

    def _replay(self, calls: Sequence[Call]) -> None:
        self.log.append(("replay", calls[0]()))
        self.now += self.cost(calls)

    def mark(self) -> float:
        return self.now

    def microseconds(self, start: float, end: float) -> float:
        return end - start

    def synchronise(self) -> None:
        self.log.append(("synchronise",))

    def describe(self) -> dict[str, Any]:
        return {"device": "dummy", "driver": "none", "torch": "none"}


class Case:
    def __init__(self, name: str = "model/qkv-1x32x16") -> None:
        self.name = name


def contestant(
    name: str, took: float = 1.0, error: float = 0.0, variant: str = "", nbytes: int = 1 << 20
) -> Contestant:
    """One whose calls return `(took, name)`; `timed_by_call` makes a device charge that."""
    return Contestant(name, nbytes, lambda: lambda: (took, name), lambda: error, 1e-3, variant)


def timed_by_call(calls: Sequence[Call]) -> float:
    return sum(call()[0] for call in calls)


def a_round(*contestants: list[Contestant], layer: str = "model/qkv", m: int = 1) -> Round:
    shape = {"layer": layer, "m": m, "k": 32, "n": 16}
    return Round(Case(f"{layer}-{m}x32x16"), shape, 4000, list(contestants))
