"""Linear layer with 4-bit weights, 16- or 32-bit activations: `x @ dequantised(weight).T + bias`.

Weights lie as `layout` says, on every target. GPTQ's activation order is `order`: the stored input
`j` of the weight is feature `order[j]` of `x`, so groups are contiguous in memory whatever the
checkpoint's order. What computes a call is `implementations`' business.
"""

from __future__ import annotations

from typing import Any

import torch

from gfx_kernels.w4 import layout
from gfx_kernels.w4a16_linear import arguments, implementations
from gfx_kernels.w4a16_linear.arguments import DTYPES as DTYPES
from gfx_kernels.w4a16_linear.implementations import describe as describe
from gfx_kernels.w4a16_linear.implementations import why_not_on as why_not_on

_OP = "gfx::w4a16_linear"
torch.library.define(
    _OP,
    "(Tensor x, Tensor qweight, Tensor scales, Tensor? zeros, Tensor? order, Tensor? bias,"
    " SymInt n, int group_size, str? implementation=None) -> Tensor",
)
for _device in ("cpu", "cuda"):  # "cuda" is torch's name for AMD's GPUs too
    torch.library.impl(_OP, _device, implementations.run)


@torch.library.register_fake(_OP)
def _fake(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    order: torch.Tensor | None,
    bias: torch.Tensor | None,
    n: int,
    group_size: int,
    implementation: str | None = None,
) -> torch.Tensor:
    arguments.check(x, qweight, scales, zeros, order, bias, n, group_size)
    return x.new_empty((*x.shape[:-1], n))


def w4a16_linear(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None = None,
    order: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    group_size: int = -1,
    n: int | None = None,
    implementation: str | None = None,
) -> torch.Tensor:
    """Multiply `x` `[..., k]` by a 4-bit weight of `n` outputs; returns `[..., n]` in `x`'s dtype.

    `qweight`, `scales`, `zeros`: as in `layout`; `order`: int32 or int64 `[k]`, a permutation
    (checked once a tensor); `bias`: `[n]`; `group_size`: inputs that share a scale, -1 for all
    `k`; `n`: left out, every row of `qweight`. `scales` and `bias` have `x`'s dtype; all tensors
    are contiguous and on `x`'s device. `implementation`: a name of `implementations`, else the
    first that serves. Sums run in float32.
    Raises ValueError, naming the argument and the rule, where something does not fit, `x` without
    rows included. Scales are checked for NaN when they are packed, not here: that would wait for
    the device. `x` must be finite: where a reference gives an infinity, a kernel may give NaN. On
    NVIDIA the weight is read before the launch ahead has ended, so that launch must not write it.
    """
    if n is None:
        n = qweight.shape[0] * layout.ROWS if qweight.dim() else 0
    op: Any = torch.ops.gfx.w4a16_linear
    result: torch.Tensor = op(x, qweight, scales, zeros, order, bias, n, group_size, implementation)
    return result
