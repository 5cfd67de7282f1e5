"""Gated activation `gelu_tanh(gate) * up`, gelu by its tanh form."""

from __future__ import annotations

import torch

from gfx_kernels import gated
from gfx_kernels.gelu_tanh_and_mul import launcher, reference

gated.register("gelu_tanh_and_mul", launcher.launch, reference.gelu_tanh_and_mul)


def gelu_tanh_and_mul(input: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """`gelu_tanh(gate) * up`, gelu by its tanh form for rows `[gate | up]`.

    gelu_tanh(v) = v / 2 * (1 + tanh(u)), u = sqrt(2 / pi) * (v + 0.044715 v^3).
    `input`: `[..., 2 * size]`, float16, bfloat16 or float32, rows at one distance; returns `out`
    `[..., size]`, contiguous. Computed in float32, rounded once.
    Raises ValueError where dtypes, shapes, strides or devices do not fit, or there are no rows.
    """
    out = gated.output(input, out)
    torch.ops.gfx.gelu_tanh_and_mul(out, input)
    return out
