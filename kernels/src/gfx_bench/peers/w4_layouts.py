"""One 4-bit weight in the layouts that others read. Losslessly; all on the tensors' device.

`values` and `zeros` are 0..15, uint8 `[n, k]` and `[n, groups]`; `scales` `[n, groups]`.
"""

from __future__ import annotations

import torch
from gfx_kernels.w4 import nibbles

SYMMETRIC_ZERO = 8


def by_outputs(values: torch.Tensor, order: tuple[int, ...] = nibbles.NATURAL) -> torch.Tensor:
    """int32 `[k, n/8]`, eight outputs to a word: AWQ's files with PAIRED order; zeros alike."""
    return nibbles.pack(values.t().contiguous(), order)


def by_inputs(values: torch.Tensor) -> torch.Tensor:
    """int32 `[k/8, n]`, eight inputs to a word in natural order: GPTQ's files."""
    return nibbles.pack(values).t().contiguous()


def rows_paired(values: torch.Tensor) -> torch.Tensor:
    """int32 `[n, k/8]`, eight inputs to a word in the order 0 2 4 6 1 3 5 7."""
    return nibbles.pack(values, nibbles.PAIRED)


def zeros_by_rows(zeros: torch.Tensor) -> torch.Tensor:
    """int32 `[n/8, groups]`: row `r` in nibble `r % 8` of word `r // 8`."""
    return nibbles.pack(zeros.t().contiguous()).t().contiguous()


def pairs(values: torch.Tensor) -> torch.Tensor:
    """uint8 `[n, k/2]`, the even input in the high half: what torch's int4 packer takes."""
    return (values[:, 0::2] << 4) | values[:, 1::2]


def scales_and_offsets(
    scales: torch.Tensor, zeros: torch.Tensor | None, dtype: torch.dtype
) -> torch.Tensor:
    """`[groups, n, 2]`: torch's int4 weight is `(value - 8) * scale + offset`."""
    zero = SYMMETRIC_ZERO if zeros is None else zeros.float()
    offsets = scales.float() * (SYMMETRIC_ZERO - zero)
    return torch.stack((scales.float(), offsets), dim=-1).transpose(0, 1).to(dtype).contiguous()


def filled_zeros(zeros: torch.Tensor | None, scales: torch.Tensor) -> torch.Tensor:
    """Zero points for layouts that know no absent ones."""
    if zeros is not None:
        return zeros
    return torch.full(scales.shape, SYMMETRIC_ZERO, dtype=torch.uint8, device=scales.device)
