"""Gated activation `silu(gate) * up`."""

from __future__ import annotations

import torch

from gfx_kernels import gated
from gfx_kernels.silu_and_mul import launcher, reference

gated.register("silu_and_mul", launcher.launch, reference.silu_and_mul)


def silu_and_mul(input: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """`silu(gate) * up` for rows `[gate | up]`.

    silu(v) = v / (1 + exp(-v)).
    `input`: `[..., 2 * size]`, float16, bfloat16 or float32, rows at one distance; returns `out`
    `[..., size]`, contiguous. Computed in float32, rounded once.
    Raises ValueError where dtypes, shapes, strides or devices do not fit, or there are no rows.
    """
    out = gated.output(input, out)
    torch.ops.gfx.silu_and_mul(out, input)
    return out
