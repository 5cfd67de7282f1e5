"""Goals: met, missed with the numbers, or not run."""

from __future__ import annotations

from gfx_bench import goals, report, runner
from gfx_bench.contestants import OURS
from gfx_kernels import shapes

from tests.bench.dummy import Dummy, a_round, contestant, timed_by_call

OP = "w4a16_linear"


def _outcome(
    ours: float, peer: float, layer: str = "model/qkv", m: int = 1, error: float = 0.0
) -> runner.Outcome:
    round_ = a_round([contestant(OURS, ours, error)], [contestant("peer", peer)], layer=layer, m=m)
    return runner.run(Dummy(timed_by_call), round_, runner.Settings(3, 1, 1))


def _judged(*outcomes: runner.Outcome, copy: float = 4.0) -> dict[str, goals.Verdict]:
    return {verdict.text: verdict for verdict in goals.judge(OP, outcomes, copy)}


def _only(verdicts: dict[str, goals.Verdict], words: str) -> goals.Verdict:
    (found,) = (verdict for text, verdict in verdicts.items() if words in text)
    return found


def test_faster_than_every_peer() -> None:
    won, lost, tied = _outcome(1, 2), _outcome(2, 1, "model/o"), _outcome(1, 1, "model/down")
    assert _only(_judged(won), "faster").status == "pass"
    verdict = _only(_judged(won, lost, tied), "faster")
    assert verdict.status == "FAIL" and verdict.cases == 3
    assert verdict.misses == {"model/o-1x32x16": "peer 0.50x", "model/down-1x32x16": "peer 1.00x"}


def test_eight_rows_are_shown_but_no_goal() -> None:
    assert _only(_judged(_outcome(2, 1, m=8)), "faster").status == "not run"


def test_share_of_copy_bandwidth_by_layer() -> None:
    # 4000 bytes in 2 us are 2 GB/s: half of the copy's 4.
    assert _only(_judged(_outcome(2, 9)), "qkv and o").status == "pass"
    missed = _only(_judged(_outcome(2, 9, "model/gate_up")), ", gate_up and down")
    assert missed.status == "FAIL" and missed.misses == {"model/gate_up-1x32x16": "50.0%"}
    assert _only(_judged(_outcome(2, 9, "model/gate_up", m=4)), ", gate_up").status == "not run"


def test_every_4bit_layer_has_one_share_to_reach() -> None:
    shares = [goal for goal in goals.GOALS[OP] if isinstance(goal, goals.Share)]
    for layer in shapes.w4_linears():
        outcome = _outcome(1, 2, layer.name)
        assert sum(share.concerns(outcome) for share in shares) == 1, layer.name


def test_a_wrong_result_fails() -> None:
    assert _only(_judged(_outcome(1, 2, error=0.1)), "tolerance").status == "FAIL"


def test_losses_are_printed() -> None:
    text = "\n".join(report.goal_lines(goals.judge(OP, [_outcome(2, 1)], 4.0)))
    assert "FAIL" in text and "model/qkv-1x32x16: peer 0.50x" in text


def test_a_case_line_shows_what_is_asked_for() -> None:
    line = report.case_line(_outcome(2, 9, error=0.1), 4.0)
    for part in ("2.00 us", "2 GB/s", "50.0%", "1.0e-01!", "peer 4.50x"):
        assert part in line
