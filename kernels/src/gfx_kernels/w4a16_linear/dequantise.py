"""Many rows: the weight in the activations' dtype, a slice at a time, and torch's matrix product.

Until there is a kernel for matrix instructions. Needs no code object, so it is also what a GPU
without one falls back to.
"""

from __future__ import annotations

import torch

from gfx_kernels import choice, w4a16_dequantise
from gfx_kernels.w4 import layout


def dequantise(
    qweight: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | None
) -> torch.Tensor:
    """The weight in the dtype of `scales`, `[16 * tiles, k]`, each value rounded once."""
    k, groups = qweight.shape[1] * layout.INPUTS, scales.shape[1]
    out = scales.new_empty(qweight.shape[0] * layout.ROWS, k)
    if w4a16_dequantise.whole_words(k, groups):
        w4a16_dequantise.w4a16_dequantise(qweight, scales, zeros, out)
    else:
        size = f"groups of {k // groups} inputs share words"
        choice.pass_over("w4a16_dequantise", "kernel", size)
        w4a16_dequantise.reference.w4a16_dequantise(out, qweight, scales, zeros)
    return out


def w4a16_linear(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    bias: torch.Tensor | None,
    n: int,
    most: int,
) -> torch.Tensor:
    """`x` `[m, k]`, inputs in stored order, to `[m, n]`; `most` bytes of the copy at a time."""
    out = x.new_empty(x.shape[0], n)
    step = max(1, most // (layout.ROWS * x.shape[1] * x.element_size()))
    for first in range(0, qweight.shape[0], step):
        part = slice(first, first + step)
        rows = slice(first * layout.ROWS, min(n, (first + step) * layout.ROWS))
        points = None if zeros is None else zeros[part]
        weight = dequantise(qweight[part], scales[part], points)[: rows.stop - rows.start].t()
        if bias is None:
            torch.mm(x, weight, out=out[:, rows])
        else:
            torch.addmm(bias[rows], x, weight, out=out[:, rows])
    return out
