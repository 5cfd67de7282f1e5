"""Plain PyTorch definition of the 4-bit linear layer; float32 inside."""

from __future__ import annotations

import torch

from gfx_kernels.w4 import layout


def dequantise(
    qweight: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | None, n: int
) -> torch.Tensor:
    """The weight as float32 `[n, k]`, inputs in stored order."""
    values = layout.unpack_values(qweight, n).float()
    zero = layout.SYMMETRIC_ZERO if zeros is None else layout.unpack_zeros(zeros, n).unsqueeze(-1)
    scale = layout.unpack_scales(scales, n).float().unsqueeze(-1)
    grouped = values.view(n, scale.shape[1], -1)
    return ((grouped - zero) * scale).view(n, -1)


def w4a16_linear(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    order: torch.Tensor | None,
    bias: torch.Tensor | None,
    n: int,
) -> torch.Tensor:
    """`x` `[..., k]` to `[..., n]`; the group size is `k` over the groups of `scales`."""
    weight = dequantise(qweight, scales, zeros, n)
    inputs = x.float() if order is None else x.float().index_select(-1, order)
    out = torch.nn.functional.linear(inputs, weight, None if bias is None else bias.float())
    return out.to(x.dtype)
