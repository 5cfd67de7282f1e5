"""Launch apply_repetition_penalties: a block per part of a request; a variant for odd places."""

from __future__ import annotations

import torch

from gfx_kernels import rows, runtime

_THREADS = 256
_SIGNATURE = "ppppilll"


def launch(
    logits: torch.Tensor,
    prompt_mask: torch.Tensor,
    output_mask: torch.Tensor,
    repetition_penalties: torch.Tensor,
) -> None:
    """One launch on the current stream of `logits`'s device; arguments as checked by the op."""
    requests, tokens = logits.shape
    masks = (prompt_mask, output_mask)
    name, numbers = f"apply_repetition_penalties_{rows.TYPES[logits.dtype]}", 16 // logits.itemsize
    odd = any(m.data_ptr() % numbers or m.stride(0) % numbers for m in masks)
    if odd or not rows.wide(logits, tokens, logits.stride(0)):
        name, numbers = name + "_odd", 1
    runtime.kernel("apply_repetition_penalties", name, _SIGNATURE).launch(
        (requests, -(-tokens // (_THREADS * numbers)), 1),
        (_THREADS, 1, 1),
        0,
        logits.data_ptr(),
        prompt_mask.data_ptr(),
        output_mask.data_ptr(),
        repetition_penalties.data_ptr(),
        tokens,
        logits.stride(0),
        prompt_mask.stride(0),
        output_mask.stride(0),
        device=logits.get_device(),
    )
