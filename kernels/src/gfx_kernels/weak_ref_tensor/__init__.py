"""A second tensor over the memory of a first, which it does not keep alive. There is no kernel."""

from __future__ import annotations

import torch

from gfx_kernels import checks
from gfx_kernels.weak_ref_tensor import reference

_OP = "gfx::weak_ref_tensor"
torch.library.define(_OP, "(Tensor input) -> Tensor")


def _serve(input: torch.Tensor) -> torch.Tensor:
    if input.layout != torch.strided:
        raise ValueError(f"input is {input.layout}; give a strided tensor")
    checks.not_empty("input", input)
    return reference.weak_ref_tensor(input)


for _key in ("cpu", "cuda"):  # torch's key for AMD's GPUs is cuda too
    torch.library.impl(_OP, _key, _serve)


@torch.library.register_fake(_OP)
def _fake(input: torch.Tensor) -> torch.Tensor:
    return torch.empty_strided(input.shape, input.stride(), dtype=input.dtype, device=input.device)


def weak_ref_tensor(input: torch.Tensor) -> torch.Tensor:
    """The same memory, shape, strides, dtype and device, without keeping `input` alive.

    Graph capture holds its outputs so: the graph's memory pool owns the bytes. Who reads the result
    when nothing owns them any more reads freed memory. Raises ValueError for a tensor that has no
    memory, or whose elements do not lie at strides.
    """
    result: torch.Tensor = torch.ops.gfx.weak_ref_tensor(input)
    return result
