"""Launch w4a16_dequantise: a block per 16 outputs and 512 inputs; a variant for odd places."""

from __future__ import annotations

import torch

from gfx_kernels import rows, runtime
from gfx_kernels.w4 import layout

_OP = "w4a16_dequantise"
_THREADS = 256
_TILES = 16  # of layout.INPUTS inputs, that a block takes
_SIGNATURE = "ppppii"
MOST_INPUTS = rows.MOST_BLOCKS_Y * _TILES * layout.INPUTS


def launch(
    out: torch.Tensor, qweight: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | None
) -> None:
    """One launch on the current stream of `out`'s device; arguments as checked by the op."""
    name = f"{_OP}_{rows.TYPES[out.dtype]}{'' if zeros is None else '_zeros'}"
    if not rows.wide(out):
        name += "_odd"
    tiles = qweight.shape[1]
    runtime.kernel(_OP, name, _SIGNATURE, overlap=True).launch(
        (qweight.shape[0], -(-tiles // _TILES), 1),
        (_THREADS, 1, 1),
        0,
        out.data_ptr(),
        qweight.data_ptr(),
        scales.data_ptr(),
        0 if zeros is None else zeros.data_ptr(),
        tiles,
        out.shape[1] // scales.shape[1],
        device=out.get_device(),
    )
