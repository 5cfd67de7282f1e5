"""The halves of the tests: each a pytest of its own, side by side in lanes, printed in turn.

A lane is one processor's work: its halves run one after the other, with one thread each, since
threads of two that share processors wait for each other. What a half prints goes to a file in
build/reports, and from there to the terminal as it comes, one half after the other.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import psutil

from tools import paths
from tools.console import err
from tools.interrupt import kill_children

REPORTS = paths.BUILD / "reports"
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
LOOK_SECONDS = 0.2  # between two looks at what a half printed
GRACE_SECONDS = 10.0  # after Ctrl-C, which every pytest hears itself
NOTHING_COLLECTED = 5  # a selection by name may mean that for one half, but not for all


@dataclass(frozen=True)
class Sums:
    """How many tests passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )


@dataclass(frozen=True)
class Half:
    """Tests and the Python that runs them."""

    name: str
    python: Path
    arguments: Sequence[str]
    env: dict[str, str]
    ended: threading.Event = field(default_factory=threading.Event, compare=False)

    @property
    def log(self) -> Path:
        return REPORTS / f"{self.name}.log"

    @property
    def report(self) -> Path:
        return REPORTS / f"{self.name}.xml"

    def run(self, output: BinaryIO | None = None) -> Sums:
        """Run it, printing to `output` if given. A crash counts as a failure."""
        self.report.unlink(missing_ok=True)
        command = [str(self.python), "-m", "pytest", f"--junit-xml={self.report}"]
        command += ["--durations=10", *self.arguments]
        code = subprocess.run(
            command, cwd=paths.ROOT, env=ONE_THREAD | self.env, stdout=output, stderr=output
        ).returncode
        return self._sums(code)

    def _sums(self, code: int) -> Sums:
        if not self.report.is_file():
            return Sums(failed=1)
        suite = ET.parse(self.report).getroot()[0].attrib
        broken = int(suite["failures"]) + int(suite["errors"])
        skipped = int(suite["skipped"])
        failed = broken or int(code not in (0, NOTHING_COLLECTED))
        return Sums(int(suite["tests"]) - broken - skipped, failed, skipped)


def run(lanes: Sequence[Sequence[Half]]) -> Sums:
    """Run every half; their sums. One alone has the terminal to itself, so `--pdb` works."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    halves = [half for lane in lanes for half in lane]
    if len(halves) < 2:
        return sum((half.run() for half in halves), Sums())
    if (psutil.cpu_count() or 1) < len(lanes):
        lanes = [halves]
    for half in halves:
        half.log.write_bytes(b"")
    return sum(_side_by_side(lanes, halves), Sums())


def _side_by_side(lanes: Sequence[Sequence[Half]], halves: Sequence[Half]) -> list[Sums]:
    """Each lane in a thread, while this one prints; Ctrl-C ends them all before it is raised."""
    stop = threading.Event()
    with ThreadPoolExecutor(len(lanes)) as pool:
        running = [pool.submit(_lane, lane, stop) for lane in lanes]
        try:
            for half in halves:
                _follow(half)
            return [sums for lane in running for sums in lane.result()]
        except BaseException:
            stop.set()
            err.print("stopping what runs")
            wait(running, GRACE_SECONDS)
            while wait(running, LOOK_SECONDS).not_done:
                kill_children()
            raise


def _lane(halves: Sequence[Half], stop: threading.Event) -> list[Sums]:
    """Run one after the other; after `stop`, none. Whatever happens, nobody waits for them."""
    sums = []
    try:
        for half in halves:
            if not stop.is_set():
                with half.log.open("wb") as output:
                    sums.append(half.run(output))
            half.ended.set()
    finally:
        for half in halves:
            half.ended.set()
    return sums


def _follow(half: Half) -> None:
    """Print what `half` printed, as it comes, until it has ended."""
    with half.log.open("rb") as log:
        while not half.ended.wait(LOOK_SECONDS):
            _print(log.read())
        _print(log.read())


def _print(said: bytes) -> None:
    sys.stdout.buffer.write(said)
    sys.stdout.flush()
