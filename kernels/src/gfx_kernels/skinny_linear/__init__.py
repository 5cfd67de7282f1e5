"""Linear layer for a few rows and 16-bit weights, as torch has them: `x @ weight.T + bias`.

At so few rows a layer is read once and the time is the memory's; larger products are torch's.
"""

from __future__ import annotations

import torch

from gfx_kernels.skinny_linear import arguments, implementations
from gfx_kernels.skinny_linear.arguments import DTYPES as DTYPES
from gfx_kernels.skinny_linear.implementations import MAX_ROWS as MAX_ROWS
from gfx_kernels.skinny_linear.implementations import describe as describe
from gfx_kernels.skinny_linear.implementations import why_not_on as why_not_on

_OP = "gfx::skinny_linear"
torch.library.define(
    _OP, "(Tensor x, Tensor weight, Tensor? bias, str? implementation=None) -> Tensor"
)
for _device in ("cpu", "cuda"):  # "cuda" is torch's name for AMD's GPUs too
    torch.library.impl(_OP, _device, implementations.run)


@torch.library.register_fake(_OP)
def _fake(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    implementation: str | None = None,
) -> torch.Tensor:
    arguments.check(x, weight, bias)
    return x.new_empty((x.shape[0], weight.shape[0]))


def skinny_linear(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    implementation: str | None = None,
) -> torch.Tensor:
    """Multiply `x` `[m, k]`, 1 to MAX_ROWS rows, by `weight` `[n, k]`; returns `[m, n]`.

    float16 or bfloat16, all alike, contiguous, on one device; `bias`: `[n]`. `implementation`: a
    name of `implementations`, else the first that serves. Sums run in float32.
    Raises ValueError, naming the argument and the rule, where something does not fit.
    """
    result: torch.Tensor = torch.ops.gfx.skinny_linear(x, weight, bias, implementation)
    return result
