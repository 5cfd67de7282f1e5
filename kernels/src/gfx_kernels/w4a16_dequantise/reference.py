"""Plain PyTorch definition of w4a16_dequantise, in the dtype of the scales."""

from __future__ import annotations

import torch

from gfx_kernels.w4 import layout, nibbles

_PAIR = 0x000F000F


def w4a16_dequantise(
    out: torch.Tensor, qweight: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | None
) -> None:
    tiles, chunks = qweight.shape[:2]
    half = nibbles.PER_WORD // 2
    weight = out.view(tiles, layout.ROWS, chunks, layout.WORDS, half, 2)
    for i in range(half):
        # Both values of a pair at once; as int16 they are neighbours.
        pairs = (qweight >> (4 * i)).bitwise_and_(_PAIR).view(torch.int16)
        weight[..., i, :] = pairs.view(tiles, chunks, layout.ROWS, layout.WORDS, 2).transpose(1, 2)
    grouped = out.view(tiles, layout.ROWS, scales.shape[1], -1)
    if zeros is None:
        grouped -= layout.SYMMETRIC_ZERO
    else:
        grouped -= nibbles.unpack(zeros).transpose(1, 2).unsqueeze(-1)
    grouped *= scales.transpose(1, 2).unsqueeze(-1)
