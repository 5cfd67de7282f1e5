"""Turns, warm-ups, copies and statistics, on a device with no clock of its own."""

from __future__ import annotations

from functools import partial

import pytest
from gfx_bench import bandwidth, timing

from tests.bench.dummy import Dummy


def test_contestants_take_turns_replay_by_replay() -> None:
    device = Dummy()
    graphs = [(device.capture([partial(str, name)]), 1) for name in "abc"]
    device.log.clear()
    timing.interleaved(device, graphs, replays=4)
    turns = [entry[1] for entry in device.log if entry[0] == "replay"]
    assert turns == list("abc") * (timing.WARM_UP + 4)


def test_times_are_per_call_without_the_warm_ups() -> None:
    costs = iter([1000.0] * timing.WARM_UP + [10.0, 30.0, 20.0])
    device = Dummy(lambda _: next(costs))
    (found,) = timing.interleaved(device, [(device.capture([lambda: None]), 5)], replays=3)
    assert (found.median, found.minimum) == (4.0, 2.0)


def test_one_contestants_time_is_not_anothers() -> None:
    device = Dummy(lambda calls: calls[0]())
    graphs = [(device.capture([partial(float, took)]), 1) for took in (7.0, 70.0)]
    assert [s.median for s in timing.interleaved(device, graphs, 3)] == [7.0, 70.0]


def test_times_are_read_after_the_device_is_done() -> None:
    device = Dummy()
    timing.interleaved(device, [(device.capture([lambda: None]), 1)], 2)
    assert device.log[-1] == ("synchronise",)


def test_spread() -> None:
    found = timing.spread([float(i) for i in range(101)])
    assert found == timing.Spread(median=50.0, minimum=0.0, p10=10.0, p90=90.0)
    assert timing.spread([3.0]) == timing.Spread(3.0, 3.0, 3.0, 3.0)


@pytest.mark.parametrize("nbytes", [1, 10**6, 6 << 20, 300 << 20])
def test_copies_exceed_every_cache(nbytes: int) -> None:
    count = timing.copies(nbytes)
    assert count * nbytes >= timing.ROTATED_BYTES and count >= 2
    assert count == 2 or (count - 1) * nbytes < timing.ROTATED_BYTES


@pytest.mark.parametrize("count", [2, 5, 31, 32, 200])
def test_a_graph_goes_round_all_copies_and_is_long_enough(count: int) -> None:
    device, called = Dummy(), list[int]()
    calls = [partial(called.append, i) for i in range(count)]
    _, held = timing.graph(device, calls)
    assert called == [0], "one warm-up call before the capture"
    assert held % count == 0 and held >= timing.MIN_CALLS and held - count < timing.MIN_CALLS
    assert device.log[-1] == ("capture", held)


def test_copy_bandwidth_counts_bytes_read_and_written(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ticking(Dummy):
        def mark(self) -> float:
            self.now += 2.0
            return self.now

    monkeypatch.setattr(bandwidth, "COPIED_BYTES", 1 << 16)
    assert bandwidth.copy_bandwidth(Ticking()) == 2 * 65536 / 2.0 / 1e3


def test_the_hosts_cost_counts_every_call() -> None:
    called = []
    assert timing.eager(Dummy(), lambda: called.append(1), calls=7) > 0
    assert len(called) == 7 + 3
