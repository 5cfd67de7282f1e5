"""Executes AMD machine code with NumPy, all waves in lock step, and checks what it does.

Own code; the behaviour follows AMD's public ISA documents and LLVM's "User Guide for AMDGPU".
What it cannot show: missing waits (every instruction is finished at once), races in global
memory, time, and the rounding inside of dot products.
"""

from __future__ import annotations

from .errors import (
    BarrierDivergence,
    EmulationError,
    LaunchError,
    LdsRace,
    ListingMismatch,
    OutOfBounds,
    Uninitialised,
    UnknownInstruction,
    Unsupported,
)
from .memory import Memory
from .program import Program, load
from .stats import Stats

__all__ = [
    "BarrierDivergence",
    "EmulationError",
    "LaunchError",
    "LdsRace",
    "ListingMismatch",
    "Memory",
    "OutOfBounds",
    "Program",
    "Stats",
    "Uninitialised",
    "UnknownInstruction",
    "Unsupported",
    "load",
]
