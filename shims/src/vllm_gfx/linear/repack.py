"""From vLLM's loaded parameters to the layout of `gfx_kernels.w4a16_linear`, losslessly.

vLLM's parameters say where their dimensions are (`input_dim`, `output_dim`, `packed_dim`), so one
function serves GPTQ `[k/8, n]`, converted AWQ and compressed-tensors `[n, k/8]`.
"""

from __future__ import annotations

from typing import Any

import torch
from gfx_kernels.w4 import layout, nibbles


def _outputs_first(param: Any) -> torch.Tensor:
    data: torch.Tensor = param.data
    return data if param.output_dim == 0 else data.t()


def weight(param: Any) -> torch.Tensor:
    """The packed weight. Raises ValueError if `param` is not packed along inputs."""
    if param.packed_dim == param.output_dim:
        raise ValueError("weights packed along outputs must be converted before repacking")
    return layout.pack_values(nibbles.unpack(_outputs_first(param)))


def scales(param: Any) -> torch.Tensor:
    """Scales by tile, in the dtype vLLM loaded them in. Raises ValueError for NaN or infinity."""
    return layout.pack_scales(_outputs_first(param))


def zeros(param: Any) -> torch.Tensor:
    """Zero points by tile, from those packed along outputs."""
    return layout.pack_zeros(nibbles.unpack(_outputs_first(param).t()).t())
