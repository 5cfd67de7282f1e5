"""The resource gate: a kernel that spills, outgrows its budget or lost an instruction is an error.

No GPU here would show it: such a kernel gives right results, slowly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gfx_compile.budget import FILE, Budget, Limits
from gfx_compile.errors import CompileError
from gfx_compile.resources import Resources

_NEVER = {
    "vgpr_spills": "spills {} VGPRs",
    "sgpr_spills": "spills {} SGPRs",
    "scratch": "uses {} bytes of scratch memory",
}
_BUDGETED = {"vgprs": "uses {} VGPRs", "lds": "uses {} bytes of LDS"}


def check(op: str, gfx: str, kernels: Sequence[Resources], budget: Budget) -> dict[str, Any]:
    """What is in `<op>.json` of every kernel. Raises CompileError with the first violation."""
    found, used = {}, set()
    for kernel in kernels:
        where = f"{op} for {gfx}: {kernel.name}"
        pattern = budget.pattern(kernel.name)
        if pattern is None:
            raise CompileError(f"{where} fits no pattern of {op}/{FILE}; add it there")
        used.add(pattern)
        limits = budget.limits(pattern, gfx)
        _check_figures(where, kernel.figures(), limits)
        found[kernel.name] = {
            **kernel.figures(),
            "budget": {"vgprs": limits.vgprs, "lds": limits.lds},
            "wanted": _wanted(where, kernel.code, limits.wanted),
        }
    if idle := [p for p in budget.rows if p not in used]:
        raise CompileError(f"{op}/{FILE}: no kernel is called {idle[0]}; remove it there")
    return found


def _check_figures(where: str, figures: dict[str, int], limits: Limits) -> None:
    for key, text in _NEVER.items():
        if figures[key]:
            raise CompileError(f"{where} {text.format(figures[key])}; use fewer registers at once")
    for key, text in _BUDGETED.items():
        if figures[key] > (most := getattr(limits, key)):
            raise CompileError(
                f"{where} {text.format(figures[key])}, its budget is {most}; use less, or say in "
                f"{FILE} why it may have more"
            )


def _wanted(where: str, code: Sequence[str], wanted: Sequence[str]) -> dict[str, int]:
    """How many instructions each pattern found. Raises CompileError if one found none."""
    counts = {}
    for text in wanted:
        pattern = re.compile(text)
        counts[text] = sum(bool(pattern.match(line)) for line in code)
        if not counts[text]:
            raise CompileError(f"{where} holds no instruction {text}, which its budget.yaml wants")
    return counts
