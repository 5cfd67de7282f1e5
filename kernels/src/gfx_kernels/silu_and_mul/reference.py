"""Plain PyTorch definition of silu_and_mul; float32 inside, float64 if given it."""

from __future__ import annotations

import torch

from gfx_kernels import gated


def silu_and_mul(out: torch.Tensor, input: torch.Tensor) -> None:
    gate, up = gated.halves(input)
    out.copy_(torch.nn.functional.silu(gate) * up)
