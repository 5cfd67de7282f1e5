"""Where the heads of a token lie, whichever of the two shapes that vLLM uses they have."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gfx_kernels import checks, rows


@dataclass(frozen=True)
class Heads:
    """`count` heads per token; strides in numbers."""

    count: int
    token_stride: int
    head_stride: int


def find(name: str, tensor: torch.Tensor, positions: torch.Tensor, head_size: int) -> Heads:
    """The heads of `[*positions.shape, heads * head_size]` or `[..., heads, head_size]`.

    Raises ValueError, naming the argument, for another shape or uneven distances.
    """
    leading = positions.dim()
    split = tensor.dim() == leading + 2
    flat = tensor.dim() == leading + 1 and tensor.shape[-1] % head_size == 0
    if tensor.shape[:leading] != positions.shape or not (flat or split):
        raise ValueError(
            f"{name} is {list(tensor.shape)}; positions {list(positions.shape)} need "
            f"{[*positions.shape]} followed by heads * {head_size}, or by heads and {head_size}"
        )
    checks.not_empty(name, tensor)
    checks.rows_contiguous(name, tensor)
    rows.writable(name, tensor)
    if split and tensor.shape[-1] != head_size:
        raise ValueError(f"{name} has heads of {tensor.shape[-1]}, head_size is {head_size}")
    tokens = rows.layout(tensor.shape[:leading], tensor.stride()[:leading], 1)
    if tokens is None:
        raise ValueError(
            f"{name} has strides {tensor.stride()}; its tokens must lie at one distance, make it "
            "contiguous"
        )
    return known(tensor, positions, head_size)


def known(tensor: torch.Tensor, positions: torch.Tensor, head_size: int) -> Heads:
    """As `find`, for a tensor that it has accepted."""
    leading = positions.dim()
    tokens = rows.layout(tensor.shape[:leading], tensor.stride()[:leading], 1)
    assert tokens is not None
    if tensor.dim() == leading + 1:
        return Heads(tensor.shape[-1] // head_size, tokens.outer_stride, head_size)
    return Heads(tensor.shape[-2], tokens.outer_stride, tensor.stride(-2))
