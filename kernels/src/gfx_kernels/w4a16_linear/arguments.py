"""What may be passed to w4a16_linear: each rule raises ValueError naming the argument and it."""

from __future__ import annotations

import torch
from torch.utils.weak import WeakTensorKeyDictionary

from gfx_kernels import checks
from gfx_kernels.w4 import layout

DTYPES = (torch.float16, torch.bfloat16, torch.float32)

_permutations = WeakTensorKeyDictionary()  # tensors that were found to be one


def check(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    order: torch.Tensor | None,
    bias: torch.Tensor | None,
    n: int,
    group_size: int,
) -> None:
    """Raise ValueError for what no implementation serves; looks at no data."""
    _check_input(x)
    _check_weight(x, qweight, scales, zeros, n, group_size)
    checks.dtype("order", order, torch.int32, torch.int64)
    checks.shape("order", order, (x.shape[-1],))
    checks.same_dtype(x=x, bias=bias)
    checks.shape("bias", bias, (n,))
    checks.side_by_side(x=x, qweight=qweight, scales=scales, zeros=zeros, order=order, bias=bias)


def _check_input(x: torch.Tensor) -> None:
    checks.dtype("x", x, *DTYPES)
    k = x.shape[-1] if x.dim() else 0
    if k == 0 or k % layout.INPUTS:
        raise ValueError(
            f"x is {list(x.shape)}; its last size must be a positive multiple of {layout.INPUTS}"
        )


def _check_weight(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    n: int,
    group_size: int,
) -> None:
    k = x.shape[-1]
    checks.dtype("qweight", qweight, torch.int32)
    checks.shape("qweight", qweight, ("n/16", k // layout.INPUTS, layout.ROWS, layout.WORDS))
    tiles = qweight.shape[0]
    if n < 1 or layout.tiles(n) != tiles:
        rows = tiles * layout.ROWS
        raise ValueError(f"n is {n}; qweight has {rows} rows, give {rows - 15} to {rows}")
    if reason := layout.why_not(n, k, group_size):
        raise ValueError(f"group_size is {group_size}: {reason}")
    groups = 1 if group_size == -1 else k // group_size
    checks.same_dtype(x=x, scales=scales)
    checks.shape("scales", scales, (tiles, groups, layout.ROWS))
    checks.dtype("zeros", zeros, torch.int32)
    checks.shape("zeros", zeros, (tiles, groups, layout.ZERO_WORDS))


def check_order(order: torch.Tensor | None) -> None:
    """Raise ValueError unless `order` is a permutation: a GPU would read outside of `x`.

    Waits for the device, so only the first time for a tensor, which must not be in a capture.
    """
    if order is None or order in _permutations:
        return
    if order.is_cuda and torch.cuda.is_current_stream_capturing():
        raise ValueError("order was not checked yet; call w4a16_linear once before the capture")
    if not torch.equal(order.sort().values, torch.arange(len(order)).to(order)):
        raise ValueError(f"order is no permutation of the {len(order)} inputs")
    _permutations[order] = True
