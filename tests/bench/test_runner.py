"""Who is timed, what is kept of whom, and what a row of results says."""

from __future__ import annotations

import dataclasses
import json

import pytest
from gfx_bench import results, runner
from gfx_bench.contestants import OURS, Contestant

from tests.bench.dummy import Dummy, a_round, contestant, timed_by_call

SETTINGS = runner.Settings(replays=3, rotated_bytes=4 << 20, host_calls=2)


def _raising(name: str, error: Exception) -> Contestant:
    def fails() -> float:
        raise error

    return dataclasses.replace(contestant(name), error=fails)


def _run(*contestants: list[Contestant]) -> runner.Outcome:
    return runner.run(Dummy(timed_by_call), a_round(*contestants), SETTINGS)


def test_numbers_are_each_contestants_own() -> None:
    outcome = _run([contestant(OURS, 2.0, 1e-4)], [contestant("slow", 5.0, 5e-4)])
    assert outcome.ours.us.median == 2.0 and outcome.ours.error == 1e-4
    (slow,) = outcome.others
    assert outcome.ratio(slow) == 2.5
    assert outcome.gigabytes(outcome.ours) == 2.0  # 4000 bytes in 2 us
    assert outcome.gigabytes(slow) == 0.8, "on the bytes of the case, not of the contestant"


def test_copies_follow_the_bytes_that_a_contestant_reads() -> None:
    small, large = contestant(OURS, nbytes=1 << 20), contestant("large", nbytes=3 << 20)
    assert [t.copies for t in _run([small], [large]).timed] == [4, 2]


def test_the_fastest_variant_takes_part() -> None:
    variants = [contestant("peer", took, variant=str(took)) for took in (3.0, 2.0, 4.0)]
    outcome = _run([contestant(OURS)], variants)
    assert [(t.name, t.variant) for t in outcome.timed] == [(OURS, ""), ("peer", "2.0")]


def test_what_a_peer_raises_takes_it_out_with_the_reason() -> None:
    failing = _raising("peer", RuntimeError("no kernel image\nmore of it"))
    outcome = _run([contestant(OURS)], [failing], [contestant("other")])
    assert [t.name for t in outcome.timed] == [OURS, "other"]
    assert outcome.absent == {"peer": "RuntimeError: no kernel image"}


def test_what_ours_raise_is_raised() -> None:
    with pytest.raises(ValueError, match="broken"):
        _run([_raising(OURS, ValueError("broken"))])


def test_a_result_that_moves_under_load_is_seen() -> None:
    errors = iter([1e-4, 0.5])
    ours = dataclasses.replace(contestant(OURS), error=lambda: next(errors))
    assert _run([ours]).ours.error == 0.5


@pytest.mark.parametrize(
    ("error", "right"),
    [(1e-3, True), (1.1e-3, False), (float("nan"), False), (float("inf"), False)],
)
def test_right_is_within_what_is_allowed(error: float, right: bool) -> None:
    assert _run([contestant(OURS, error=error)]).ours.right is right


def test_a_row_says_everything_and_reads_back(tmp_path: object) -> None:
    outcome = _run(
        [contestant(OURS, 2.0)], [contestant("peer", 4.0)], [_raising("x", ValueError())]
    )
    about = results.about("w4a16_linear", Dummy(), copy_gb_s=4.0, replays=3)
    row = json.loads(json.dumps(runner.row(outcome, about)))
    assert row["op"] == "w4a16_linear" and row["device"] == "dummy" and row["m"] == 1
    assert {"date", "commit", "driver", "torch", "copy_gb_s", "absent"} <= row.keys()
    ours = row["contestants"][0]
    assert ours["us"] == {"median": 2.0, "minimum": 2.0, "p10": 2.0, "p90": 2.0}
    assert (ours["gb_s"], ours["share_of_copy"]) == (2.0, 0.5)
    back = results.outcome(row)
    assert back.timed == outcome.timed and back.absent == outcome.absent
    assert back.traffic == outcome.traffic and back.shape["layer"] == "model/qkv"
