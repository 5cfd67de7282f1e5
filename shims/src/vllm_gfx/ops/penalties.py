"""The repetition penalty of the sampler, with vLLM's compiled signature."""

from __future__ import annotations

import torch


def apply_repetition_penalties_(
    logits: torch.Tensor,
    prompt_mask: torch.Tensor,
    output_mask: torch.Tensor,
    repetition_penalties: torch.Tensor,
) -> None:
    """Scale the logits of seen tokens in place: divide what is positive, multiply the rest.

    `logits` float `[requests, vocab]`; the masks bool, same shape; penalties float `[requests]`.
    """
    seen = prompt_mask | output_mask
    penalty = torch.where(seen, repetition_penalties.unsqueeze(1).to(logits.dtype), 1.0)
    logits.mul_(torch.where(logits > 0, 1.0 / penalty, penalty))
