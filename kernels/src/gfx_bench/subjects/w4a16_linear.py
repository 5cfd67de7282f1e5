"""The 4-bit linear layer: one random weight, in our layout and in everyone else's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from gfx_kernels.w4 import layout
from gfx_kernels.w4a16_linear import cases

from gfx_bench import assembly
from gfx_bench.contestants import OURS, Contestant, Round
from gfx_bench.device import Call
from gfx_bench.peers import w4a16_linear as others

PEERS = others.PEERS
IMPLEMENTATION = "gemv"


def bench(case: cases.Case, peers: Sequence[str], source: Path | None, device: str) -> Round:
    """`case` on `device`, against those of `peers` that can be had."""
    weight = random_weight(case, device)
    builders = {name: partial(PEERS[name], weight, source) for name in peers}
    taking_part, absent = assembly.gather(builders)
    return Round(case, shape(case), traffic(case), [[ours(case, weight)], *taking_part], absent)


def shape(case: cases.Case) -> dict[str, Any]:
    """What identifies the problem, for the results."""
    return {
        "layer": case.layer,
        "m": case.m,
        "k": case.k,
        "n": case.n,
        "group_size": case.group_size,
        "symmetric": not case.zeros,
    }


def traffic(case: cases.Case) -> int:
    """Bytes that must be read and written: weight, scales, zero points, activations, result."""
    points = case.groups * case.n // 2 if case.zeros else 0
    weight = case.k * case.n // 2 + case.groups * case.n * 2 + points
    return weight + 2 * case.m * (case.k + case.n)


def random_weight(case: cases.Case, device: str, seed: int = 0) -> others.Weight:
    """Values, scales and zero points; activations and scales are numbers of both 16-bit dtypes."""
    rng = torch.Generator(device).manual_seed(seed)

    def integers(*size: int) -> torch.Tensor:
        return torch.randint(0, 16, size, generator=rng, dtype=torch.uint8, device=device)

    scales = torch.rand(case.n, case.groups, generator=rng, device=device) * 0.05 + 0.001
    weight = others.Weight(
        _both(torch.randn(case.m, case.k, generator=rng, device=device)),
        integers(case.n, case.k),
        _both(scales),
        integers(case.n, case.groups) if case.zeros else None,
        cases.TOLERANCE,
    )
    return weight


def _both(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.to(torch.bfloat16).to(torch.float16)


def ours(case: cases.Case, weight: others.Weight) -> Contestant:
    """The op, told to use the kernel; its launcher's cost on the host beside it."""
    packed = layout.pack(weight.values, weight.scales, weight.zeros)

    def product(
        x: torch.Tensor, words: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | None
    ) -> torch.Tensor:
        op: Any = torch.ops.gfx.w4a16_linear
        out: torch.Tensor = op(
            x, words, scales, zeros, None, None, case.n, case.group_size, IMPLEMENTATION
        )
        return out

    tensors = (packed.qweight, packed.scales, packed.zeros)
    host = {"launcher": _launcher(case, weight.x, packed)}
    return others.contestant(OURS, weight, product, tensors, host=host)


def _launcher(case: cases.Case, x: torch.Tensor, packed: layout.Packed) -> Call:
    from gfx_kernels.w4a16_linear import launcher

    out = x.new_empty(case.m, case.n)
    group_size = case.k // case.groups

    def call() -> None:
        launcher.gemv(out, x, packed.qweight, packed.scales, packed.zeros, None, group_size)

    return call
