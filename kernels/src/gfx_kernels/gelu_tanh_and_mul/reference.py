"""Plain PyTorch definition of gelu_tanh_and_mul; float32 inside, float64 if given it."""

from __future__ import annotations

import math

import torch

from gfx_kernels import gated


def gelu_tanh_and_mul(out: torch.Tensor, input: torch.Tensor) -> None:
    gate, up = gated.halves(input)
    # (1 + tanh(u)) / 2 is sigmoid(2 u), which does not cancel.
    out.copy_(gate * torch.sigmoid(2 * (2 / math.pi) ** 0.5 * (gate + 0.044715 * gate**3)) * up)
