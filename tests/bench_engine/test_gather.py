"""Processes' lines become rows: rounds together, cold starts apart, the dead with their reason."""

from __future__ import annotations

from typing import Any

import pytest
from vllm_gfx.bench import gather, rows, table
from vllm_gfx.bench.measures import Measured
from vllm_gfx.bench.run import Outcome

from tests.bench_engine.made_up import decode, outcome


def _rows(*done: Outcome) -> list[dict[str, Any]]:
    found = gather.gather(done, "2026-01-01T00:00:00+00:00", [o.contestant.label for o in done])
    for row in found:
        rows.check(row)
    return found


def test_rounds_of_one_contestant_are_one_row() -> None:
    ours, theirs = _rows(
        outcome("gfx", 0, decode(10.0, 11.0, joules=2.0)),
        outcome("upstream", 0, decode(5.0, joules=1.0)),
        outcome("gfx", 1, decode(12.0, joules=3.0)),
        outcome("upstream", 1, decode(7.0)),
    )
    assert (ours["contestant"], ours["samples"], ours["value"]) == ("gfx", [10.0, 11.0, 12.0], 11.0)
    assert ours["energy_j"] == 5.0 and theirs["energy_j"] is None
    assert ours["subject"] == "gfx-model"
    assert ours["settings"]["order"] == ["gfx", "upstream", "gfx", "upstream"]


def test_what_was_found_does_not_part_the_rounds() -> None:
    def kernels(name: str, ms: float) -> Measured:
        longest = [{"name": name, "ms": ms, "launches": 1.0}]
        return Measured("step", "kernels", "ms", "lower", [ms], {"streams": 1, "longest": longest})

    (row,) = _rows(outcome("gfx", 0, kernels("a", 2.0)), outcome("gfx", 1, kernels("b", 3.0)))
    assert row["samples"] == [2.0, 3.0] and row["parameters"]["longest"][0]["name"] == "a"
    assert "longest" not in table.table([row])


def test_cold_starts_stand_apart_and_nothing_else_does() -> None:
    def start(seconds: float) -> Measured:
        return Measured("startup", "startup", "s", "lower", [seconds])

    found = _rows(
        outcome("gfx", 0, start(60.0), decode(1.0), cold=True),
        outcome("gfx", 1, start(20.0), decode(2.0), cold=False),
        outcome("gfx", 2, start(22.0), decode(3.0), cold=False),
    )
    assert [(r["bench"], r["cold"], r["samples"]) for r in found] == [
        ("startup", True, [60.0]),
        ("decode", None, [1.0, 2.0, 3.0]),
        ("startup", False, [20.0, 22.0]),
    ]


def test_the_dead_leave_a_row_and_their_samples() -> None:
    found = _rows(
        outcome("gfx", 0, decode(1.0)),
        outcome("gfx", 1, error="exit code 1: out of memory"),
        outcome("late", 1, decode(4.0), error="killed after 9 s; raise --limit"),
    )
    dead = {r["contestant"]: r for r in found if r["value"] is None}
    assert dead["gfx"]["bench"] == "startup" and dead["gfx"]["error"].endswith("out of memory")
    assert dead["late"]["bench"] == "decode"
    assert [r["samples"] for r in found if r["value"] is not None] == [[1.0], [4.0]]
    assert "gfx: exit code 1: out of memory" in table.table(found)


def test_ablation_is_the_difference_within_a_round() -> None:
    found = _rows(
        outcome("gfx", 0, decode(100.0, 50.0)),  # 10 ms and 20 ms a step
        outcome("gfx", 0, decode(125.0, 62.5), ablated="norm"),  # 8 ms and 16 ms
        outcome("gfx", 1, decode(200.0)),  # 5 ms
        outcome("gfx", 1, decode(250.0), ablated="norm"),  # 4 ms
        outcome("gfx", 1, error="exit code 1: no", ablated="moe"),
    )
    whole, ablated, dead = found
    assert whole["samples"] == [100.0, 50.0, 200.0]
    assert [round(ms, 9) for ms in ablated["samples"]] == [2.0, 4.0, 1.0]
    assert (ablated["bench"], ablated["unit"]) == ("ablate", "ms")
    assert ablated["parameters"]["without"] == "norm"
    assert (dead["bench"], dead["parameters"]) == ("ablate", {"without": "moe"})


def test_an_ablation_without_its_whole_says_nothing() -> None:
    found = _rows(
        outcome("gfx", 0, error="exit code 1: no"),
        outcome("gfx", 0, decode(125.0), ablated="norm"),
    )
    assert [row["value"] for row in found] == [None]


def test_an_ablation_that_died_in_one_round_is_taken_from_the_others() -> None:
    found = _rows(
        outcome("gfx", 0, decode(100.0)),
        outcome("gfx", 0, error="exit code 1: no", ablated="norm"),
        outcome("gfx", 1, decode(100.0)),
        outcome("gfx", 1, decode(125.0), ablated="norm"),
    )
    assert [(r["bench"], [round(s, 9) for s in r["samples"]]) for r in found] == [
        ("decode", [100.0, 100.0]),
        ("ablate", [2.0]),
        ("ablate", []),
    ]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ((False, False), False),
        ((False, True), True),
        ((False, None), None),
        ((None, True), True),
    ],
)
def test_a_spill_in_any_round_is_one_of_the_row(
    told: tuple[bool | None, ...], said: bool | None
) -> None:
    done = [outcome("gfx", number, decode(1.0)) for number in range(len(told))]
    done += [outcome("gfx", number, decode(2.0), ablated="norm") for number in range(len(told))]
    for one in done:
        spill = told[one.number]
        unknown = {"spill_unknown": "the counter is gone"} if spill is None else {}
        one.facts = one.facts | {"spill": spill, "settings": one.facts["settings"] | unknown}
    for row in _rows(*done):
        assert row["spill"] is said
        assert ("spill_unknown" in row["settings"]) == (None in told)


def test_table_has_no_best_where_no_direction_is_good() -> None:
    cache = Measured("memory", "kv_cache", "byte", "neither", [2.5e9])
    (line,) = table.table(_rows(outcome("gfx", 0, cache))).splitlines()[1:]
    assert line.split() == ["memory", "kv_cache", "gfx", "2.5", "2.5..2.5", "1", "Gbyte"]


def test_a_process_that_died_cannot_have_told_of_every_spill() -> None:
    row, _ = _rows(outcome("gfx", 0, decode(4.0), error="exit code 1: out of memory"))
    assert row["spill"] is None


def test_table_scales_units() -> None:
    big = Measured("memory", "peak", "byte", "lower", [2.5e9])
    lines = table.table(_rows(outcome("gfx", 0, big, decode(80.0)))).splitlines()
    assert len(lines) == 3
    assert lines[1].split()[-1] == "Gbyte" and " 2.5 " in lines[1]
    assert lines[2].split()[-1] == "tok/s" and "prompt=128" in lines[2]
