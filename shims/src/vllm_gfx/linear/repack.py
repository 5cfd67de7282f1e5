"""From vLLM's loaded parameters to the layout of `gfx_kernels.w4a16_linear`, losslessly.

vLLM's parameters say where their dimensions are (`input_dim`, `output_dim`, `packed_dim`), so one
function serves GPTQ `[k/8, n]`, converted AWQ and compressed-tensors `[n, k/8]`.
"""

from __future__ import annotations

from typing import Any

import torch
from gfx_kernels.w4a16_linear import layout


def _outputs_first(param: Any) -> torch.Tensor:
    data: torch.Tensor = param.data
    return data if param.output_dim == 0 else data.t()


def weight(param: Any) -> torch.Tensor:
    """Packed weight, int32 `[n, ceil(k / 8)]`. Raises ValueError if not packed along inputs."""
    if param.packed_dim == param.output_dim:
        raise ValueError("weights packed along outputs must be converted before repacking")
    return _outputs_first(param).contiguous()


def scales(param: Any) -> torch.Tensor:
    """Scales `[n, groups]`, in the dtype vLLM loaded them in."""
    return _outputs_first(param).contiguous()


def zeros(param: Any, n: int) -> torch.Tensor:
    """Zero points packed along `n` outputs, as uint8 `[n, groups]`."""
    by_group = _outputs_first(param).t()
    return layout.unpack(by_group, n).t().contiguous()
