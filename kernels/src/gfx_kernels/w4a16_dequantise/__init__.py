"""4-bit weights as plain ones, for a matrix product of many rows."""

from __future__ import annotations

import torch

from gfx_kernels import checks, registration, rows
from gfx_kernels.w4 import layout, nibbles
from gfx_kernels.w4a16_dequantise import launcher, reference


def check(
    out: torch.Tensor, qweight: torch.Tensor, scales: torch.Tensor, zeros: torch.Tensor | None
) -> None:
    """Raises ValueError for what the op does not serve."""
    checks.dtype("qweight", qweight, torch.int32)
    checks.shape("qweight", qweight, ("n/16", "k/32", layout.ROWS, layout.WORDS))
    checks.not_empty("qweight", qweight)
    checks.dtype("scales", scales, *rows.DTYPES)
    tiles, k = qweight.shape[0], qweight.shape[1] * layout.INPUTS
    checks.shape("scales", scales, (tiles, "groups", layout.ROWS))
    checks.not_empty("scales", scales)
    checks.dtype("zeros", zeros, torch.int32)
    checks.shape("zeros", zeros, (tiles, scales.shape[1], layout.ZERO_WORDS))
    if not whole_words(k, scales.shape[1]):
        raise ValueError(
            f"scales has {scales.shape[1]} groups; give a number that divides {k} inputs into "
            f"multiples of {nibbles.PER_WORD}"
        )
    checks.between("n", tiles * layout.ROWS, 1, rows.MOST)
    checks.between("k", k, 1, launcher.MOST_INPUTS)
    checks.same_dtype(scales=scales, out=out)
    checks.shape("out", out, (tiles * layout.ROWS, k))
    checks.side_by_side(qweight=qweight, scales=scales, zeros=zeros, out=out)


def whole_words(k: int, groups: int) -> bool:
    """Whether no two groups share a word, which has one scale here."""
    return k % groups == 0 and k // groups % nibbles.PER_WORD == 0


registration.writing_op(
    "w4a16_dequantise",
    "Tensor(a!) out, Tensor qweight, Tensor scales, Tensor? zeros",
    check,
    launcher.launch,
    reference.w4a16_dequantise,
)


def w4a16_dequantise(
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None = None,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """`scales * (value - zeros)`, each rounded once; returns `out` `[n, k]`, contiguous.

    `qweight` int32 `[n/16, k/32, 16, 4]`, `scales` `[n/16, groups, 16]` in the dtype of `out`,
    `zeros` int32 `[n/16, groups, 2]`, as `gfx_kernels.w4.layout` says. Groups of a
    multiple of 8 inputs; float16, bfloat16 or float32.
    Raises ValueError where dtypes, shapes, strides or devices do not fit, or there is nothing.
    """
    if out is None:
        size = (qweight.shape[0] * layout.ROWS, qweight.shape[1] * layout.INPUTS)
        out = torch.empty(size, dtype=scales.dtype, device=qweight.device)
    torch.ops.gfx.w4a16_dequantise(out, qweight, scales, zeros)
    return out
