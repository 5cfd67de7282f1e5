"""What is timed: an op's BENCH cases, and per case ours, the others and the bytes.

A module here is named after its op and has `bench(case, peers, source, device) -> Round`. An op
without one writes its arguments, and `writing` serves it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gfx_kernels
import torch
from gfx_kernels import availability

from gfx_bench.contestants import Round
from gfx_bench.errors import BenchError

Bench = Callable[..., Round]


def ops() -> list[str]:
    """Every op folder that has a case table."""
    return sorted(p.parent.name for p in Path(gfx_kernels.__path__[0]).glob("*/cases.py"))


def cases(op: str) -> tuple[Any, ...]:
    """The cases to time. Raises BenchError for an op unknown or without any."""
    if op not in ops():
        raise BenchError(f"gfx_kernels has no op {op!r}; it has: {', '.join(ops())}")
    found: tuple[Any, ...] = getattr(_cases(op), "BENCH", ())
    if not found:
        raise BenchError(f"{op} has no BENCH cases: there is nothing of it to time")
    return found


def subject(op: str) -> Bench:
    """What makes a Round of a case of `op`."""
    if importlib.util.find_spec(f"{__name__}.{op}"):
        bench: Bench = importlib.import_module(f"{__name__}.{op}").bench
        return bench
    return partial(importlib.import_module(f"{__name__}.writing").bench, op)


def need(op: str, device: str) -> None:
    """Raises BenchError where the kernels of `op` cannot run on `device`."""
    if reason := availability.why_not_on_device(op, torch.device(device)):
        raise BenchError(f"{op}: {reason}")


def rows(case: Any) -> int:
    """The M of a case, whatever its table calls it."""
    names = ("m", "rows", "requests", "tokens")
    return int(next(getattr(case, name) for name in names if hasattr(case, name)))


def peers(op: str) -> list[str]:
    """The names of the others that `op` can be timed against."""
    module = f"{__name__}.{op}"
    if not importlib.util.find_spec(module):
        module = f"{__name__}.writing"
        return list(importlib.import_module(module).peers(op))
    return list(importlib.import_module(module).PEERS)


def _cases(op: str) -> Any:
    return importlib.import_module(f"gfx_kernels.{op}.cases")
