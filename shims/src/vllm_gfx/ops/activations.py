"""Gated activations with vLLM's compiled signature: the output comes first and is written."""

from __future__ import annotations

import torch
from torch.nn import functional


def _halves(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    half = x.shape[-1] // 2
    return x[..., :half], x[..., half:]


def silu_and_mul(result: torch.Tensor, x: torch.Tensor) -> None:
    """`result[..., d] = silu(x[..., :d]) * x[..., d:]`."""
    gate, up = _halves(x)
    result.copy_(functional.silu(gate) * up)


def gelu_and_mul(result: torch.Tensor, x: torch.Tensor) -> None:
    """`result[..., d] = gelu(x[..., :d]) * x[..., d:]`, exact gelu."""
    gate, up = _halves(x)
    result.copy_(functional.gelu(gate) * up)


def gelu_tanh_and_mul(result: torch.Tensor, x: torch.Tensor) -> None:
    """`result[..., d] = gelu(x[..., :d]) * x[..., d:]`, gelu by tanh."""
    gate, up = _halves(x)
    result.copy_(functional.gelu(gate, approximate="tanh") * up)
