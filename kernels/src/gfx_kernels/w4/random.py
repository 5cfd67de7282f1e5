"""Random weights, for cases and benchmarks."""

from __future__ import annotations

import torch

from gfx_kernels.w4 import layout


def packed(
    n: int,
    k: int,
    groups: int,
    dtype: torch.dtype,
    zeros: bool,
    seed: int = 0,
    device: str = "cpu",
) -> layout.Packed:
    """A weight made in its layout, on `device`, the same for the same seed and device.

    Every bit pattern of its words is a weight; scales are 0.001 to 0.051.
    """
    rng = torch.Generator(device).manual_seed(seed)
    tiles, low, high = layout.tiles(n), -(2**31), 2**31

    def words(*size: int) -> torch.Tensor:
        return torch.randint(low, high, size, generator=rng, dtype=torch.int32, device=device)

    scales = torch.rand(tiles, groups, layout.ROWS, generator=rng, device=device)
    return layout.Packed(
        words(tiles, k // layout.INPUTS, layout.ROWS, layout.WORDS),
        (scales * 0.05 + 0.001).to(dtype),
        words(tiles, groups, layout.ZERO_WORDS) if zeros else None,
    )
