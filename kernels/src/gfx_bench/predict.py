"""Predict the bound of w4a16_linear on cards that nobody here has: `python -m gfx_bench.predict`.

The emulator counts the instructions that the shipped code executes; the build's report has its
registers and LDS; cards.yaml has the card. Per byte of weights, the time is the longest of: memory
at full bandwidth, vector instructions at full issue rate, LDS at full width. Latency, caches,
scheduling and clocks under load are not modelled: a prediction is an upper bound of the speed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import yaml

from gfx_bench import emulate

OP = "w4a16_linear"
ROWS = (1, 4, 8)
K, N, GROUP = 4096, 256, 128  # counted; per byte the counts do not depend on N
GRID_N = 4096  # outputs of the layer whose blocks are spread over the card
_LDS_BYTES = {"b32": 4, "b64": 8, "b96": 12, "b128": 16}


@dataclass(frozen=True)
class Card:
    """See cards.yaml."""

    card: str
    cus: int
    simds: int
    ghz: float
    gb_s: float
    valu: float
    lds_bytes: int
    latency_us: float


@cache
def cards() -> dict[str, Card]:
    text = (Path(__file__).parent / "cards.yaml").read_text(encoding="utf-8")
    return {gfx: Card(**row) for gfx, row in yaml.safe_load(text).items()}


@dataclass(frozen=True)
class Prediction:
    """`valu` and `lds_cycles` are per byte of weights; the shares are of memory's time."""

    gfx: str
    m: int
    kernel: str
    valu: float
    lds_cycles: float
    report: dict[str, Any]
    waves: int  # in flight on a CU
    in_flight: float  # KB of weight loads, on a CU, at most
    needed: float  # KB, to hide the latency at full bandwidth

    @property
    def card(self) -> Card:
        return cards()[self.gfx]

    @property
    def issue_share(self) -> float:
        per_second = self.card.cus * self.card.valu * self.card.ghz
        return self.valu / per_second * self.card.gb_s

    @property
    def lds_share(self) -> float:
        return self.lds_cycles / (self.card.cus * self.card.ghz) * self.card.gb_s

    @property
    def bound(self) -> str:
        shares = {"memory": 1.0, "issue": self.issue_share, "lds": self.lds_share}
        return max(shares, key=lambda name: shares[name])

    @property
    def gb_s(self) -> float:
        """At most."""
        return self.card.gb_s / max(1.0, self.issue_share, self.lds_share)


def lds_cycles(instructions: dict[str, int], lanes: int, card: Card) -> float:
    """Cycles a CU's LDS needs for reads and writes of whole waves, without bank conflicts."""
    total = 0.0
    for name, count in instructions.items():
        found = re.match(r"ds_(?:read|load|write|store)(2|_2addr)?\w*?_(b\d+)$", name)
        if found:
            size = _LDS_BYTES[found[2]] * (2 if found[1] else 1)
            total += count * size * lanes / card.lds_bytes
    return total


def predict(gfx: str, m: int, folder: Path = emulate.OBJECTS) -> Prediction:
    """Counts of one emulated call, float16 and symmetric; K inputs in groups of GROUP."""
    from gfx_kernels.w4a16_linear.cases import Case

    case = Case(m, K, N, GROUP, torch.float16)
    outcome = emulate.run(OP, case, gfx, folder=folder)
    if outcome.problems:
        raise ValueError(f"{gfx} {case.name}: {outcome.problems[0]}")
    (stats,), (kernel,) = outcome.stats, outcome.kernels
    report = json.loads((folder / gfx / f"{OP}.json").read_text())["kernels"][kernel]
    card, weights = cards()[gfx], K * N / 2
    of_block = stats.waves / (N / 16)
    waves = min(report["occupancy"] * card.simds, int(of_block * GRID_N / 16 / card.cus))
    streams = max(n for what, n in report["wanted"].items() if what.startswith("global_load"))
    return Prediction(
        gfx, m, kernel, stats.classes["valu"] / weights,
        lds_cycles(stats.instructions, stats.lanes, card) / weights, report, waves,
        waves * streams * 16 * stats.lanes / 1024,
        card.gb_s * card.latency_us / card.cus * 1000 / 1024,
    )  # fmt: skip


def table(predictions: Sequence[Prediction]) -> list[str]:
    lines = [
        f"PREDICTED, not measured: {OP}, float16, K {K}, groups of {GROUP}; in flight: N {GRID_N}.",
        "VALU: wave instructions per byte of weights. Shares: of the time that memory needs.",
        f"{'target':8} {'card':15} M  VALU/B  VGPRs    LDS bytes    waves/CU  KB in flight/CU "
        " issue   LDS  bound   at most GB/s",
    ]
    for p in predictions:
        limit, used = p.report["budget"], p.report
        lines.append(
            f"{p.gfx:8} {p.card.card:15} {p.m}  {p.valu:6.3f}  "
            f"{used['vgprs']:3}/{limit['vgprs']:<3}  {used['lds']:5}/{limit['lds']:<6} {p.waves:5}"
            f"     {p.in_flight:6.1f} of {p.needed:<5.1f}  {p.issue_share:5.0%} {p.lds_share:5.0%}"
            f"  {p.bound:6}  {p.gb_s:.0f}"
        )
    return lines


def main(words: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(prog="python -m gfx_bench.predict", description=__doc__)
    made.add_argument("--target", action="append", choices=sorted(cards()))
    made.add_argument("--m", type=int, action="append", choices=range(1, 9), metavar="1..8")
    options = made.parse_args(words)
    chosen = options.target or list(cards())
    found = [predict(gfx, m) for gfx in chosen for m in options.m or ROWS]
    print("\n".join(table(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
