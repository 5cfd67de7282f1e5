"""Shapes and dtypes of the gated activations; the tolerance is each op's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from gfx_kernels import casework, shapes

WRITES = ("out",)
# Absolute: about here float32's exp overflows or underflows, and the result is 0 from there on.
FLUSHED = 2**-110


@dataclass(frozen=True)
class Case:
    """`rows` rows of `[gate | up]`, `size` numbers each, followed by `gap` numbers."""

    rows: int
    size: int
    dtype: torch.dtype = torch.float16
    gap: int = 0
    spread: float = 3.0  # standard deviation of gate and up
    emulate: bool = False

    @property
    def name(self) -> str:
        marks = [f"gap{self.gap}"] if self.gap else []
        marks += [f"spread{self.spread:g}"] if self.spread != 3.0 else []
        dtype = str(self.dtype).removeprefix("torch.")
        return "-".join([f"{self.rows}x{self.size}", dtype, *marks])


def problem(case: Case, seed: int = 0) -> casework.Arguments:
    """Random arguments for `case`, the same for the same seed."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(case.rows, 2 * case.size + case.gap, generator=rng) * case.spread
    return {
        "out": torch.full((case.rows, case.size), float("nan"), dtype=case.dtype),
        "input": x.to(case.dtype)[:, : 2 * case.size],
    }


def worst(
    reference: Callable[..., None],
    relative: float,
    case: Case,
    before: casework.Arguments,
    after: casework.Arguments,
) -> float:
    """The largest error in units of (ROUNDING[dtype] + relative) * |result|, or of FLUSHED.

    Results that the dtype cannot hold may be infinite, as rounding makes them.
    """
    exact = casework.exact(reference, before)["out"]
    wanted = torch.where(exact.abs() > torch.finfo(case.dtype).max, exact.to(case.dtype), exact)
    allowed = (casework.ROUNDING[case.dtype] + relative) * exact.abs()
    smallest = max(casework.SMALLEST[case.dtype], FLUSHED)
    return casework.excess(after["out"], wanted, allowed + smallest)


def traffic(case: Case) -> int:
    """Bytes that must be read and written."""
    return 3 * case.rows * case.size * case.dtype.itemsize


CASES: tuple[Case, ...] = (
    *(Case(3, 256, d, emulate=True) for d in casework.ROUNDING),
    *(Case(2, 300, d, emulate=True) for d in (torch.float16, torch.float32)),
    *(Case(2, 301, d, emulate=True) for d in casework.ROUNDING),  # rows at odd places
    *(Case(2, 264, d, spread=50.0, emulate=True) for d in casework.ROUNDING),
    Case(3, 128, gap=8, emulate=True),
    Case(3, 128, torch.bfloat16, gap=5, emulate=True),
    Case(1, 1, emulate=True),
    Case(2, 704, torch.bfloat16),
    Case(65, 18944),
    Case(70000, 64),
)
_ROWS = (1, 4, 16, 64, 256, 1024, 4096)


def bench(activations: Iterable[str]) -> tuple[Case, ...]:
    """The sizes of the models with one of these activations."""
    sizes = {
        (model.intermediate, getattr(torch, model.dtype))
        for model in shapes.models().values()
        if model.activation in activations
    }
    return tuple(Case(m, *size) for size in sorted(sizes, key=str) for m in _ROWS)
