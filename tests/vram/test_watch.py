"""When a reading counts as a spill, and when it is said."""

from __future__ import annotations

import pytest
from vllm_gfx.vram import usage
from vllm_gfx.vram.usage import Usage
from vllm_gfx.vram.watch import Limits, Watch

from tests.vram.fake_counters import CARD, GIB, MIB, on_card

LIMITS = Limits()


def _shared(count: int) -> Usage:
    return Usage(shared=count, dedicated=18 * GIB)


def _watch(now: int = 100 * MIB) -> Watch:
    """After a start that is no spill."""
    watch = Watch()
    assert watch.start(_shared(0), 0, _shared(now)) is None
    return watch


def _said(watch: Watch, *readings: int) -> list[int | None]:
    """What each reading says: spilled bytes, or nothing."""
    events = [watch.observe(_shared(count)) for count in readings]
    return [None if event is None else event.spilled for event in events]


def test_pinned_memory_of_a_start_is_no_spill() -> None:
    before, pinned = _shared(10 * MIB), 900 * MIB
    under = _shared(10 * MIB + pinned + LIMITS.startup - 1)
    assert Watch().start(before, pinned, under) is None
    assert Watch().start(before, 0, under) is not None


def test_a_start_that_spills() -> None:
    watch = Watch()
    event = watch.start(_shared(10 * MIB), 20 * MIB, _shared(30 * MIB + LIMITS.startup))
    assert event is not None and event.spilled == LIMITS.startup
    assert (watch.spilled, watch.most) == (LIMITS.startup, LIMITS.startup)
    assert _said(watch, 30 * MIB + LIMITS.startup) == [None], "once"


def test_a_start_s_spill_ends_where_it_would_have_been_none() -> None:
    before, allowed = 10 * MIB, 250 * MIB  # more than a running engine may add
    watch = Watch()
    assert watch.start(_shared(before), 0, _shared(before + GIB)) is not None
    left = before + allowed
    assert _said(watch, before + LIMITS.startup, left, left, left) == [None, 0, None, None]
    assert (watch.spilled, watch.most) == (0, GIB)
    grown = left + LIMITS.growth
    assert _said(watch, grown, grown) == [None, LIMITS.growth], "it counts from what was left"
    assert _said(watch, left + LIMITS.growth // 2, left) == [None, 0]


def test_growth_counts_from_what_the_start_took() -> None:
    start = 100 * MIB
    watch = _watch(start)
    assert _said(watch, start, *[start + LIMITS.growth - 1] * 5) == [None] * 6
    assert watch.most == 0


def test_only_readings_in_a_row_count() -> None:
    start, above = 100 * MIB, 100 * MIB + LIMITS.growth
    watch = _watch(start)
    assert _said(watch, above, start, above, start) == [None] * 4
    assert watch.most == 0, "a copy in flight"
    assert _said(watch, above, above) == [None, LIMITS.growth]


def test_a_spill_is_said_once_until_it_doubles() -> None:
    watch = _watch(0)
    assert _said(watch, 100 * MIB, 100 * MIB, 150 * MIB, 199 * MIB) == [None, 100 * MIB, None, None]
    assert _said(watch, 200 * MIB, 399 * MIB, 400 * MIB) == [200 * MIB, None, 400 * MIB]
    assert (watch.spilled, watch.most) == (400 * MIB, 400 * MIB)


def test_it_ends_well_below_the_limit_and_can_come_again() -> None:
    watch = _watch(0)
    low = int(LIMITS.growth * LIMITS.over)
    high = LIMITS.growth
    assert _said(watch, high, high, low, high, low) == [None, high, None, None, None]
    assert watch.spilled == low
    assert _said(watch, low - 1) == [0]
    assert (watch.spilled, watch.most) == (0, high)
    assert _said(watch, 2 * high, 2 * high) == [None, 2 * high]


def test_the_adapter_is_the_one_with_the_model() -> None:
    assert usage.in_use(on_card(0)) == CARD
    assert usage.in_use({"a": Usage(shared=5), "b": Usage(shared=9)}) == "b"
    assert usage.in_use({}) is None


@pytest.mark.parametrize("fields", [Limits(growth=GIB), Limits(readings=3)])
def test_limits_are_data(fields: Limits) -> None:
    watch = Watch(fields)
    watch.start(_shared(0), 0, _shared(0))
    assert _said(watch, 100 * MIB, 100 * MIB) == [None, None]
