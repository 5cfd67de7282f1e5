"""Where the rows of a tensor lie, and which variant of a kernel may load 16 bytes at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

# The part of a kernel's name that says what it computes on.
TYPES = {torch.float16: "f16", torch.bfloat16: "bf16", torch.float32: "f32"}
DTYPES = tuple(TYPES)
# Rows and numbers are counted in int32 by the kernels; a row also needs room for a block's step.
MOST = 2**31 - 1
LONGEST = 2**30
MOST_BLOCKS_Y = 65535  # of a launch, in its second dimension


@dataclass(frozen=True)
class Rows:
    """Row `r` of `count` starts `r // inner * outer_stride + r % inner * inner_stride` numbers in.

    Strides are in numbers; `inner` is 1 where all rows are equally far apart.
    """

    count: int
    inner: int
    outer_stride: int
    inner_stride: int


def find(name: str, tensor: torch.Tensor, levels: int = 2) -> Rows:
    """The rows of `tensor` along its last dimension; it may not be empty.

    Raises ValueError, naming the argument, where they lie at more than `levels` distances.
    """
    found = layout(tensor.shape[:-1], tensor.stride()[:-1], levels)
    if found is None:
        raise ValueError(
            f"{name} {list(tensor.shape)} has strides {tensor.stride()}; its rows may lie at "
            f"{levels} different distance{'s' if levels > 1 else ''}, make it contiguous"
        )
    return found


@lru_cache(maxsize=4096)
def layout(sizes: tuple[int, ...], strides: tuple[int, ...], levels: int) -> Rows | None:
    """The rows that the leading dimensions, outermost first, enumerate; None for more levels."""
    merged: list[tuple[int, int]] = []
    for size, stride in zip(sizes, strides, strict=True):
        if size == 1:
            continue
        if merged and merged[-1][1] == size * stride:
            merged[-1] = (merged[-1][0] * size, stride)
        else:
            merged.append((size, stride))
    if len(merged) > levels:
        return None
    (outer, outer_stride), (inner, inner_stride) = [(1, 0), (1, 0), *merged][-2:]
    if inner > 1 and outer == 1:  # one level: the outer one, so that kernels divide by 1
        return Rows(inner, 1, inner_stride, 0)
    return Rows(outer * inner, inner, outer_stride, inner_stride)


def wide(tensor: torch.Tensor | None, *counts: int) -> bool:
    """Whether `tensor` starts, and each count of its numbers ends, at a multiple of 16 bytes."""
    if tensor is None:
        return True
    size, all_bits = tensor.element_size(), tensor.data_ptr()
    for count in counts:
        all_bits |= count * size
    return all_bits % 16 == 0


def writable(name: str, tensor: torch.Tensor) -> None:
    """Raises ValueError where two elements of `tensor` share memory, as in an expanded one."""
    if any(s == 0 and n > 1 for n, s in zip(tensor.shape, tensor.stride(), strict=True)):
        raise ValueError(
            f"{name} is written and has strides {tensor.stride()}; its elements must not share "
            "memory, make it contiguous"
        )
