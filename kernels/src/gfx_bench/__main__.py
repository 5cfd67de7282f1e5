"""Command line: `python -m gfx_bench OP`."""

from __future__ import annotations

import argparse
import gc
import re
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gfx_bench import timing
from gfx_bench.errors import BenchError

_RESULTS = Path("results/kernels.jsonl")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m gfx_bench",
        description="Time an op of gfx_kernels and other implementations of it on this process's "
        "GPU: all checked first, weights rotated, graphs replayed in turns.",
    )
    made.add_argument("op", help="a folder of gfx_kernels with BENCH cases")
    made.add_argument("--m", type=_integers, help="only these numbers of rows: 1,4,8")
    made.add_argument("--shapes", type=_pattern, default=re.compile(""), metavar="REGEX",
                      help="only cases whose name this is found in")  # fmt: skip
    made.add_argument("--peers", default="all", help="all, none, or names: torch_fp16,conch")
    made.add_argument("--vllm-source", type=Path, metavar="DIR",
                      help="vLLM's folder `vllm`, where vLLM is not installed")  # fmt: skip
    made.add_argument("--out", type=Path, default=_RESULTS, help=f"rows go here: {_RESULTS}")
    made.add_argument("--plot", type=Path, metavar="FILE", help="draw a .png or .svg")
    made.add_argument("--read", type=Path, metavar="FILE",
                      help="measure nothing: judge and draw the newest rows of FILE")  # fmt: skip
    made.add_argument("--replays", type=int, default=timing.REPLAYS, help="per graph")
    made.add_argument("--commit", default="",
                      help="what the rows say was measured, outside a checkout")  # fmt: skip
    made.add_argument("--full", action="store_true", help="a line per contestant")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Exit status: 0 measured and right, 1 a result of ours is wrong, 2 could not be measured."""
    options = parser().parse_args(words)
    try:
        return _read(options) if options.read else _measure(options)
    except BenchError as error:
        print(f"gfx_bench: {error}", file=sys.stderr)
        return 2


def _measure(options: argparse.Namespace) -> int:
    from gfx_bench import bandwidth, goals, plot, report, results, runner, subjects
    from gfx_bench.device import Gpu

    if options.plot:
        plot.need()
    cases = _chosen(options)
    peers = _peers(options)
    device = Gpu()
    subjects.need(options.op, device.torch_name)
    bench, settings = subjects.subject(options.op), runner.Settings(options.replays)
    copy = bandwidth.copy_bandwidth(device)
    about = results.about(options.op, device, copy, options.replays, options.commit)
    print(f"{about['device']}, driver {about['driver']}, torch {about['torch']}; "
          f"copy {copy:.0f} GB/s (read + written); Nx: N times as long as ours, !: wrong result",
          flush=True)  # fmt: skip
    outcomes = []
    for number, case in enumerate(cases, 1):
        round_ = bench(case, peers, options.vllm_source, device.torch_name)
        outcome = runner.run(device, round_, settings)
        del round_
        gc.collect()
        outcomes.append(outcome)
        results.append(options.out, runner.row(outcome, about))
        print(f"[{number}/{len(cases)}] {report.case_line(outcome, copy)}", flush=True)
        if options.full:
            print(*report.full_table(outcome, copy), sep="\n", flush=True)
    print(*_absences(outcomes), *report.host_lines(outcomes), sep="\n")
    print(f"copy again: {bandwidth.copy_bandwidth(device):.0f} GB/s")
    verdicts = goals.judge(options.op, outcomes, copy)
    print(*report.goal_lines(verdicts), f"rows: {options.out}", sep="\n")
    if options.plot:
        plot.draw(results.read(options.out, options.op), options.plot)
    return 0 if all(o.ours.right for o in outcomes) else 1


def _read(options: argparse.Namespace) -> int:
    from gfx_bench import goals, plot, report, results

    if options.plot:
        plot.need()
    rows = [r for r in results.read(options.read, options.op) if _wanted(options, r["case"], r)]
    if not rows:
        raise BenchError(f"{options.read} has no such rows of {options.op}")
    outcomes = results.outcomes(rows)
    copy = statistics.median(row["copy_gb_s"] for row in rows)
    for outcome, row in zip(outcomes, rows, strict=True):
        print(report.case_line(outcome, row["copy_gb_s"]))
    print(*report.goal_lines(goals.judge(options.op, outcomes, copy)), sep="\n")
    if options.plot:
        plot.draw(rows, options.plot)
    return 0 if all(o.ours.right for o in outcomes) else 1


def _chosen(options: argparse.Namespace) -> list[Any]:
    from gfx_bench import subjects

    cases = [
        case
        for case in subjects.cases(options.op)
        if _wanted(options, case.name, {"m": subjects.rows(case)})
    ]
    if not cases:
        raise BenchError(f"no BENCH case of {options.op} has such a name and number of rows")
    return cases


def _wanted(options: argparse.Namespace, name: str, shape: dict[str, Any]) -> bool:
    if options.m and shape["m"] not in options.m:
        return False
    return bool(options.shapes.search(name))


def _peers(options: argparse.Namespace) -> list[str]:
    from gfx_bench import subjects

    known = subjects.peers(options.op)
    if options.peers in ("all", "none"):
        return known if options.peers == "all" else []
    asked: list[str] = options.peers.split(",")
    for name in asked:
        if name not in known:
            raise BenchError(f"{options.op} has no peer {name!r}; it has: {', '.join(known)}")
    return asked


def _absences(outcomes: Sequence[Any]) -> list[str]:
    reasons = {f"{name}: {why}": None for o in outcomes for name, why in o.absent.items()}
    return [f"not timed: {reason}" for reason in reasons]


def _integers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers like 1,4,8") from None


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
