"""What may be passed to skinny_linear: each rule raises ValueError naming the argument and it."""

from __future__ import annotations

import torch

from gfx_kernels import checks

DTYPES = (torch.float16, torch.bfloat16)


def check(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
    """Raise ValueError for what no implementation serves; looks at no data and not at `m`."""
    tensors = {"x": x, "weight": weight, "bias": bias}
    checks.dtype("x", x, *DTYPES)
    checks.same_dtype(**tensors)
    checks.dims("x", x, 2)
    checks.shape("weight", weight, ("n", x.shape[1]))
    checks.shape("bias", bias, (weight.shape[0],))
    checks.not_empty("weight", weight)
    checks.side_by_side(**tensors)
