"""Plain PyTorch definition of a linear layer; float32 inside."""

from __future__ import annotations

import torch


def skinny_linear(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """`x` `[m, k]` times `weight` `[n, k]`, plus `bias` `[n]`, to `[m, n]` in the dtype of `x`."""
    added = None if bias is None else bias.float()
    return torch.nn.functional.linear(x.float(), weight.float(), added).to(x.dtype)
