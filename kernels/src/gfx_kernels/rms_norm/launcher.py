"""Launch rms_norm. Variants: rows by blocks, short rows by 32 lanes each, rows at odd places."""

from __future__ import annotations

import torch

from gfx_kernels import rows, runtime

_THREADS = 512
_SHORT_THREADS = 256
_SHORT = 512  # numbers up to which 32 lanes are enough for a row
_SIGNATURE = "pppfiiiill"


def launch(
    out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor | None, epsilon: float
) -> None:
    """One launch on the current stream of `input`'s device; arguments as checked by the op."""
    size, at = input.shape[-1], rows.find("input", input)
    name, sharers, threads = f"rms_norm_{rows.TYPES[input.dtype]}", _THREADS, _THREADS
    if not (
        rows.wide(input, size, at.outer_stride, at.inner_stride)
        and rows.wide(out)
        and rows.wide(weight)
    ):
        name += "_odd"
    elif size <= _SHORT:
        name, sharers, threads = name + "_short", 32, _SHORT_THREADS
    blocks = -(-at.count * sharers // threads)
    runtime.kernel("rms_norm", name, _SIGNATURE, overlap=True).launch(
        (blocks, 1, 1),
        (threads, 1, 1),
        0,
        out.data_ptr(),
        input.data_ptr(),
        0 if weight is None else weight.data_ptr(),
        epsilon,
        size,
        at.count,
        at.count if weight is None or weight.dim() == 1 else at.count // len(weight),
        at.inner,
        at.outer_stride,
        at.inner_stride,
        device=input.get_device(),
    )
