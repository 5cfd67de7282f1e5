"""Lines for people: a case, the host's cost, the goals."""

from __future__ import annotations

from collections.abc import Sequence

from gfx_bench.goals import Verdict
from gfx_bench.runner import Outcome, Timed


def case_line(outcome: Outcome, copy_gb_s: float) -> str:
    """Ours with bandwidth and error, then each other's time over ours."""
    ours = outcome.ours
    rate = outcome.gigabytes(ours)
    parts = [f"{outcome.name}: {_microseconds(ours)} {rate:.0f} GB/s"]
    parts += [f"{rate / copy_gb_s:.1%} err {ours.error:.1e}{_mark(ours)} |"]
    parts += [f"{o.name} {outcome.ratio(o):.2f}x{_mark(o)}" for o in outcome.others]
    parts += [f"{name} -" for name in outcome.absent]
    return " ".join(parts)


def full_table(outcome: Outcome, copy_gb_s: float) -> list[str]:
    """A line per contestant."""
    lines = [f"  {'':16}{'us':>9}{'min':>9}{'p10-p90':>17}{'GB/s':>8}{'% copy':>8}{'error':>9}"]
    for timed in outcome.timed:
        us, rate = timed.us, outcome.gigabytes(timed)
        lines.append(
            f"  {timed.name:16}{us.median:9.2f}{us.minimum:9.2f}{us.p10:9.2f}-{us.p90:<7.2f}"
            f"{rate:8.0f}{rate / copy_gb_s:8.1%}{timed.error:9.1e}{_mark(timed)} {timed.variant}"
        )
    return lines + [f"  {name:16} not timed: {why}" for name, why in outcome.absent.items()]


def host_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """The smallest cost of a call on the host, per contestant, over all cases."""
    found: dict[str, list[float]] = {}
    for timed in (t for o in outcomes for t in o.timed):
        for what, cost in timed.host_us.items():
            found.setdefault(f"{timed.name} {what}", []).append(cost)
    lines = [f"  {name:24}{_median(costs):8.1f}" for name, costs in found.items()]
    return ["us of the host's time per call, not in a graph (median of the cases):", *lines]


def goal_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Each goal, passed or not, and every case that misses it."""
    lines = ["goals:"]
    for verdict in verdicts:
        met = verdict.cases - len(verdict.misses)
        lines.append(f"  {verdict.status:7} {verdict.text}: {met} of {verdict.cases} cases")
        lines += [f"          {case}: {miss}" for case, miss in verdict.misses.items()]
    return lines


def _microseconds(timed: Timed) -> str:
    return f"{timed.us.median:.2f} us ({timed.us.p10:.2f}-{timed.us.p90:.2f})"


def _mark(timed: Timed) -> str:
    return "" if timed.right else "!"


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
