"""Run rounds: check every contestant, then time all of them, taking turns."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gfx_bench import errors, timing
from gfx_bench.contestants import OURS, Contestant, Round
from gfx_bench.device import Call, Device

PILOT_REPLAYS = 5


@dataclass(frozen=True)
class Settings:
    """How much is measured."""

    replays: int = timing.REPLAYS
    rotated_bytes: int = timing.ROTATED_BYTES
    host_calls: int = 100


@dataclass(frozen=True)
class Timed:
    """A contestant's numbers of one case."""

    name: str
    variant: str
    error: float
    allowed: float
    copies: int
    us: timing.Spread
    host_us: dict[str, float] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        return self.error <= self.allowed


@dataclass(frozen=True)
class Outcome:
    """A case with everyone's numbers; ours come first."""

    shape: dict[str, Any]
    name: str
    traffic: int
    timed: list[Timed]
    absent: dict[str, str]

    @property
    def ours(self) -> Timed:
        return self.timed[0]

    @property
    def others(self) -> list[Timed]:
        return self.timed[1:]

    def gigabytes(self, timed: Timed) -> float:
        """GB/s on the bytes that the case must move, whatever the contestant moves."""
        return self.traffic / timed.us.median / 1e3

    def ratio(self, other: Timed) -> float:
        """How many times as long as ours the other takes."""
        return other.us.median / self.ours.us.median


@dataclass(frozen=True)
class _Ready:
    contestant: Contestant
    error: float
    graph: tuple[Call, int]
    copies: int


def run(device: Device, round_: Round, settings: Settings) -> Outcome:
    """One case. What a peer raises takes that peer out; what ours raises is raised."""
    ready, absent = [], dict(round_.absent)
    for variants in round_.contestants:
        if variants[0].name == OURS:
            ready.append(_fastest(device, variants, settings))
            continue
        try:
            ready.append(_fastest(device, variants, settings))
        except errors.peer_failures() as failure:
            absent[variants[0].name] = errors.first_line(failure)
    spreads = timing.interleaved(device, [r.graph for r in ready], settings.replays)
    timed = [_timed(device, r, s, settings) for r, s in zip(ready, spreads, strict=True)]
    return Outcome(round_.shape, round_.case.name, round_.traffic, timed, absent)


def _fastest(device: Device, variants: Sequence[Contestant], settings: Settings) -> _Ready:
    ready = [_prepare(device, variant, settings) for variant in variants]
    if len(ready) == 1:
        return ready[0]
    pilot = timing.interleaved(device, [r.graph for r in ready], PILOT_REPLAYS)
    return min(zip(ready, pilot, strict=True), key=lambda pair: pair[1].median)[0]


def _prepare(device: Device, contestant: Contestant, settings: Settings) -> _Ready:
    error = contestant.error()
    copies = timing.copies(contestant.rotated_bytes, settings.rotated_bytes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of graphs that are never replayed
        graph = timing.graph(device, [contestant.fresh() for _ in range(copies)])
    return _Ready(contestant, error, graph, copies)


def _timed(device: Device, ready: _Ready, spread: timing.Spread, settings: Settings) -> Timed:
    contestant = ready.contestant
    host = {"call": contestant.fresh(), **contestant.host}
    return Timed(
        contestant.name,
        contestant.variant,
        max(ready.error, contestant.error()),  # again: what moves under load is a race
        contestant.allowed,
        ready.copies,
        spread,
        {name: timing.eager(device, call, settings.host_calls) for name, call in host.items()},
    )


def row(outcome: Outcome, about: dict[str, Any]) -> dict[str, Any]:
    """What is appended to the results."""
    contestants = [
        {
            **asdict(timed),
            "gb_s": round(outcome.gigabytes(timed), 1),
            "share_of_copy": round(outcome.gigabytes(timed) / about["copy_gb_s"], 4),
        }
        for timed in outcome.timed
    ]
    return {
        **about,
        "case": outcome.name,
        **outcome.shape,
        "traffic_bytes": outcome.traffic,
        "contestants": contestants,
        "absent": outcome.absent,
    }
