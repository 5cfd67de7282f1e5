"""Repetition penalty of CTRL (Keskar et al., arXiv 1909.05858), in place."""

from __future__ import annotations

import torch

from gfx_kernels import checks, registration, rows
from gfx_kernels.apply_repetition_penalties import launcher, reference

_MOST_TOKENS = 2**23  # one block of the kernel per 256 of them, at most 65535 blocks


def check(
    logits: torch.Tensor,
    prompt_mask: torch.Tensor,
    output_mask: torch.Tensor,
    repetition_penalties: torch.Tensor,
) -> None:
    """Raises ValueError for what the op does not serve."""
    checks.dtype("logits", logits, *rows.DTYPES)
    checks.dims("logits", logits, 2)
    checks.not_empty("logits", logits)
    checks.between("the rows of logits", logits.shape[0], 1, rows.MOST)
    checks.between("the tokens of logits", logits.shape[1], 1, _MOST_TOKENS)
    checks.rows_contiguous("logits", logits)
    rows.writable("logits", logits)
    for name, mask in {"prompt_mask": prompt_mask, "output_mask": output_mask}.items():
        checks.dtype(name, mask, torch.bool)
        checks.shape(name, mask, logits.shape)
        checks.rows_contiguous(name, mask)
    checks.same_dtype(logits=logits, repetition_penalties=repetition_penalties)
    checks.shape("repetition_penalties", repetition_penalties, logits.shape[:1])
    checks.contiguous("repetition_penalties", repetition_penalties)
    checks.same_device(
        logits=logits,
        prompt_mask=prompt_mask,
        output_mask=output_mask,
        repetition_penalties=repetition_penalties,
    )


registration.writing_op(
    "apply_repetition_penalties",
    "Tensor(a!) logits, Tensor prompt_mask, Tensor output_mask, Tensor repetition_penalties",
    check,
    launcher.launch,
    reference.apply_repetition_penalties,
)


def apply_repetition_penalties(
    logits: torch.Tensor,
    prompt_mask: torch.Tensor,
    output_mask: torch.Tensor,
    repetition_penalties: torch.Tensor,
) -> None:
    """Scale the logits of seen tokens in place: divide those above zero, multiply the others.

    `logits`: `[requests, tokens]`, float16, bfloat16 or float32, rows may lie apart; the masks:
    bool, same shape; `repetition_penalties`: `[requests]` in the dtype of `logits`. Computed in
    float32. Raises ValueError where dtypes, shapes, strides or devices do not fit, or there are no
    requests.
    """
    torch.ops.gfx.apply_repetition_penalties(logits, prompt_mask, output_mask, repetition_penalties)
