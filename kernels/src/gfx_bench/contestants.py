"""Who takes part: a name, the bytes it rotates over, and how to make a copy of its call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gfx_bench.device import Call

OURS = "gfx_kernels"


@dataclass(frozen=True)
class Contestant:
    """`fresh()` copies what is read once per call and returns a call on that copy.

    `error()` runs one call and returns its relative error; `allowed` is the most that is right.
    `host` are calls whose cost on the host is measured beside the call itself, by name.
    `variant` tells apart settings of one contestant, of which the fastest takes part.
    """

    name: str
    rotated_bytes: int
    fresh: Callable[[], Call]
    error: Callable[[], float]
    allowed: float
    variant: str = ""
    host: Mapping[str, Call] = field(default_factory=dict)


@dataclass(frozen=True)
class Round:
    """One case: its contestants, ours first, who is missing and why, and the bytes of the case."""

    case: Any
    shape: dict[str, Any]
    traffic: int
    contestants: list[list[Contestant]]  # each inner list: the variants of one
    absent: dict[str, str] = field(default_factory=dict)
