"""Many rows: the weight in the activations' dtype, a slice at a time, and torch's matrix product.

Until there is a kernel for matrix instructions. Needs no code object, so it is also what a GPU
without one falls back to.
"""

from __future__ import annotations

import torch

from gfx_kernels.w4a16_linear import layout, nibbles

SLICE_BYTES = 64 << 20  # of dequantised weight at a time; half as much again comes on top

_PAIR = 0x000F000F


def dequantise(
    qweight: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | None
) -> torch.Tensor:
    """The weight in the dtype of `scales`, `[16 * tiles, k]`, each value rounded once."""
    tiles, chunks = qweight.shape[:2]
    half = nibbles.PER_WORD // 2
    shape = (tiles, layout.ROWS, chunks, layout.WORDS, half, 2)
    weight = torch.empty(shape, dtype=scales.dtype, device=qweight.device)
    for i in range(half):
        # Both values of a pair at once; as int16 they are neighbours.
        pairs = (qweight >> (4 * i)).bitwise_and_(_PAIR).view(torch.int16)
        weight[..., i, :] = pairs.view(tiles, chunks, layout.ROWS, layout.WORDS, 2).transpose(1, 2)
    grouped = weight.view(tiles, layout.ROWS, scales.shape[1], -1)
    if zeros is None:
        grouped -= layout.SYMMETRIC_ZERO
    else:
        grouped -= nibbles.unpack(zeros).transpose(1, 2).unsqueeze(-1)
    grouped *= scales.transpose(1, 2).unsqueeze(-1)
    return weight.view(tiles * layout.ROWS, -1)


def w4a16_linear(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    bias: torch.Tensor | None,
    n: int,
) -> torch.Tensor:
    """`x` `[m, k]`, inputs in stored order, to `[m, n]`."""
    out = x.new_empty(x.shape[0], n)
    step = max(1, SLICE_BYTES // (layout.ROWS * x.shape[1] * x.element_size()))
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
