"""The 16-bit linear layer of few rows, against torch's product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from gfx_kernels.skinny_linear import cases

from gfx_bench.contestants import OURS, Contestant, Round
from gfx_bench.device import Call
from gfx_bench.peers.w4a16_linear import relative_error

PEERS = ("torch",)
IMPLEMENTATION = "gemv"
Product = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def bench(case: cases.Case, peers: Sequence[str], _: Path | None, device: str) -> Round:
    """`case` on `device`."""
    problem = cases.problem(case, device=device)
    exact = torch.nn.functional.linear(problem.x.float(), problem.weight.float())
    taking_part = [_contestant(OURS, _ours, case, problem, exact, {"launcher": _launcher(problem)})]
    if "torch" in peers:
        product = torch.nn.functional.linear
        taking_part.append(_contestant("torch", product, case, problem, exact, {}))
    return Round(case, shape(case), traffic(case), [[one] for one in taking_part])


def shape(case: cases.Case) -> dict[str, Any]:
    """What identifies the problem, for the results."""
    dtype = str(case.dtype).removeprefix("torch.")
    return {"layer": case.layer, "m": case.m, "k": case.k, "n": case.n, "dtype": dtype}


def traffic(case: cases.Case) -> int:
    """Bytes that must be read and written: weight, activations, result."""
    return case.dtype.itemsize * (case.k * case.n + case.m * (case.k + case.n))


def _ours(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    op: Any = torch.ops.gfx.skinny_linear
    out: torch.Tensor = op(x, weight, None, IMPLEMENTATION)
    return out


def _contestant(
    name: str,
    product: Product,
    case: cases.Case,
    problem: cases.Problem,
    exact: torch.Tensor,
    host: dict[str, Call],
) -> Contestant:
    x, weight = problem.x, problem.weight
    return Contestant(
        name,
        weight.nbytes,
        lambda: partial(product, x, weight.clone()),
        lambda: relative_error(product(x, weight), exact),
        cases.TOLERANCE[case.dtype],
        host=host,
    )


def _launcher(problem: cases.Problem) -> Call:
    from gfx_kernels.skinny_linear import launcher

    out = problem.x.new_empty(problem.x.shape[0], problem.weight.shape[0])
    return lambda: launcher.launch(out, problem.x, problem.weight, None)
