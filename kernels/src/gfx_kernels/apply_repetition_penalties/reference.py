"""Plain PyTorch definition of the repetition penalty; float32 inside, float64 if given it."""

from __future__ import annotations

import torch


def apply_repetition_penalties(
    logits: torch.Tensor,
    prompt_mask: torch.Tensor,
    output_mask: torch.Tensor,
    repetition_penalties: torch.Tensor,
) -> None:
    inside = torch.float64 if logits.dtype == torch.float64 else torch.float32
    x, penalty = logits.to(inside), repetition_penalties.to(inside).unsqueeze(1)
    scaled = torch.where(x > 0, x / penalty, x * penalty)
    logits.copy_(torch.where(prompt_mask | output_mask, scaled, x))
