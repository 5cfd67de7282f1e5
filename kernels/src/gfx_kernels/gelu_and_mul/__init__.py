"""Gated activation `gelu(gate) * up`, gelu by the error function."""

from __future__ import annotations

import torch

from gfx_kernels import gated
from gfx_kernels.gelu_and_mul import launcher, reference

gated.register("gelu_and_mul", launcher.launch, reference.gelu_and_mul)


def gelu_and_mul(input: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """`gelu(gate) * up`, gelu by the error function for rows `[gate | up]`.

    gelu(v) = v / 2 * erfc(-v / sqrt(2)).
    `input`: `[..., 2 * size]`, float16, bfloat16 or float32, rows at one distance; returns `out`
    `[..., size]`, contiguous. Computed in float32, rounded once.
    Raises ValueError where dtypes, shapes, strides or devices do not fit, or there are no rows.
    """
    out = gated.output(input, out)
    torch.ops.gfx.gelu_and_mul(out, input)
    return out
