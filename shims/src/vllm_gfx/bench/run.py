"""Runs a plan: a fresh process for each contestant and round, in turns, and gathers their lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vllm_gfx import envs
from vllm_gfx.bench.plan import Contestant, Plan

Say = Callable[[str], None]
CHILD = ("-m", "vllm_gfx.bench.child")


@dataclass
class Outcome:
    """What one process reported. `error` is why it ended before it was done.

    `mode` is the one asked for; `cold` whether it started without compiled kernels, where known.
    """

    number: int
    contestant: Contestant
    measured: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    cold: bool | None = None
    error: str | None = None
    mode: str = "default"

    @property
    def came_up(self) -> bool:
        """Whether its engine started."""
        return "settings" in self.facts


def run(plan: Plan, logs: Path, done: list[Outcome], say: Say) -> None:
    """Every process of `plan`, one after the other; outcomes are appended to `done` as they end."""
    order = plan.order()
    for place, (number, who) in enumerate(order, 1):
        say(f"[{place}/{len(order)}] {name(who)}, round {number + 1} of {plan.runs}")
        outcome = Outcome(number, who, mode=plan.mode, cold=_cold(plan, who, done))
        done.append(outcome)
        start = time.monotonic()
        _process(plan, outcome, logs / f"{place}-{name(who).replace(' ', '-')}.log", say)
        say(f"  {outcome.error or 'done'} ({time.monotonic() - start:.0f} s)")


def _cold(plan: Plan, who: Contestant, done: list[Outcome]) -> bool | None:
    """Whether `who` will find no compiled kernels; None where only the user's own caches know."""
    if any(outcome.contestant == who and outcome.came_up for outcome in done):
        return False
    caches = _caches(plan, who)
    return None if caches is None else not caches.exists()


def _process(plan: Plan, outcome: Outcome, log: Path, say: Say) -> None:
    command = [sys.executable, *CHILD, json.dumps(_request(plan, outcome))]
    with log.open("w", encoding="utf-8") as stderr:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
            env=_environment(plan, outcome.contestant),
        )
        late = threading.Event()
        overdue = threading.Timer(plan.limit, _kill, (child, late))
        overdue.start()
        try:
            assert child.stdout is not None
            for line in child.stdout:
                _take(json.loads(line), outcome, say)
            code = child.wait()
        finally:
            overdue.cancel()
            child.kill()
            child.wait()
    if code and outcome.error is None:
        outcome.error = _reason(code, log, plan.limit if late.is_set() else None)


def _kill(child: subprocess.Popen[str], late: threading.Event) -> None:
    late.set()  # before it ends, so that whoever reads its output to the end finds it set
    child.kill()


def _request(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    return {
        "model": outcome.contestant.model,
        "ablated": outcome.contestant.ablated,
        "skip_absent": plan.skip_absent,
        "skip_long": plan.skip_long,
        "commit": plan.commit,
        "mode": plan.mode,
        "flags": list(plan.engine),
        "benches": ["decode"] if outcome.contestant.ablated else list(plan.benches),
        "sizes": asdict(plan.sizes),
        "spawned": time.time(),
    }


def name(who: Contestant) -> str:
    """A contestant in words."""
    return f"{who.label} without {who.ablated}" if who.ablated else who.label


def _environment(plan: Plan, who: Contestant) -> dict[str, str]:
    """In one process, so that the model can be looked at; logs apart from the protocol.

    Bytecode is kept, whatever the shell says: else each start would compile all of vLLM.
    """
    envs.set_defaults()
    inherited = {n: value for n, value in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    ours = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_STREAM": "ext://sys.stderr"}
    caches = _caches(plan, who)
    kept = {n: str(caches / n.lower()) for n in _CACHES} if caches else {}
    return {**inherited, **ours, **kept, **who.environment}


# Where vLLM, Triton, inductor and NVIDIA's compiler keep what they compiled.
_CACHES = ("VLLM_CACHE_ROOT", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "CUDA_CACHE_PATH")


def _caches(plan: Plan, who: Contestant) -> Path | None:
    """The folder of this contestant's compiled kernels, if they are not the user's own ones."""
    if plan.caches is None:
        return None
    return plan.caches.absolute() / f"{Path(who.model).name}-{plan.mode}-{name(who)}"


def _take(line: dict[str, Any], outcome: Outcome, say: Say) -> None:
    ((kind, value),) = line.items()
    if kind == "measured":
        outcome.measured.append(value)
    elif kind == "facts":
        outcome.facts = value
    elif kind == "error":
        outcome.error = value
    else:
        say(f"  {value}")


def _reason(code: int, log: Path, limit: float | None) -> str:
    """Why a process died, from the last line it wrote."""
    if limit is not None:
        return f"killed after {limit:.0f} s; raise --limit"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"exit code {code}: {lines[-1].strip() if lines else 'it wrote nothing'}"
