"""A solve takes at most two seconds, with the ROCm packages in the channel too."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from tests.selection import rendered
from tools import solve

BOUND = 2.0  # seconds; every solve here reads the channels' indexes anew
SOLVES = 5


@pytest.mark.parametrize("platform", list(solve.ELSEWHERE))
def test_a_solve_is_quick(platform: str, tmp_path: Path) -> None:
    channels = rendered.channel(tmp_path, "3.11")
    seconds = []
    for _ in range(SOLVES):
        started = time.monotonic()
        solve.records(["vllm", "gfx-auto"], platform, "11.0.0", channels)
        seconds.append(time.monotonic() - started)
    print(f"{platform}: {statistics.median(seconds):.3f} s, {[round(s, 3) for s in seconds]}")
    assert statistics.median(seconds) <= BOUND
