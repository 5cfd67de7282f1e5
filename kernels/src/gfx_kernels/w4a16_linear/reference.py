"""Plain PyTorch definition of the 4-bit linear layer; float32 inside."""

from __future__ import annotations

import torch

from gfx_kernels.w4a16_linear import layout


def dequantise(
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    k: int,
    group_size: int,
) -> torch.Tensor:
    """The weight as float32 `[n, k]`, inputs in stored order."""
    n, groups = scales.shape
    values = layout.unpack(qweight, k).float()
    values = torch.nn.functional.pad(values, (0, groups * group_size - k))
    values = values.view(n, groups, group_size)
    zero = layout.SYMMETRIC_ZERO if zeros is None else zeros.float().unsqueeze(-1)
    return ((values - zero) * scales.float().unsqueeze(-1)).view(n, -1)[:, :k]


def w4a16_linear(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    order: torch.Tensor | None,
    bias: torch.Tensor | None,
    group_size: int,
) -> torch.Tensor:
    weight = dequantise(qweight, scales, zeros, x.shape[-1], group_size)
    inputs = x.float() if order is None else x.float().index_select(-1, order)
    out = torch.nn.functional.linear(inputs, weight, None if bias is None else bias.float())
    return out.to(x.dtype)
