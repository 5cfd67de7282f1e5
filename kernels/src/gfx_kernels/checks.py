"""Argument checks that ops share. Each raises ValueError naming the argument and the rule.

All but `aligned` look at metadata only, so they also run where torch.compile traces. A tensor that
is None is absent and passes; whether it may be absent is the op's to say.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def dtype(name: str, tensor: torch.Tensor | None, *allowed: torch.dtype) -> None:
    if tensor is not None and tensor.dtype not in allowed:
        raise ValueError(f"{name} is {_of(tensor.dtype)}; give {' or '.join(map(_of, allowed))}")


def dims(name: str, tensor: torch.Tensor | None, count: int) -> None:
    if tensor is not None and tensor.dim() != count:
        raise ValueError(f"{name} is {_shape(tensor)}; give it {count} dimensions")


def shape(name: str, tensor: torch.Tensor | None, wanted: Sequence[int | str]) -> None:
    """`wanted`: a size per dimension; a word instead of a size stands for any size."""
    if tensor is None:
        return
    sizes = tensor.shape
    fits = len(sizes) == len(wanted) and all(
        isinstance(want, str) or size == want for size, want in zip(sizes, wanted, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} is {_shape(tensor)}; give [{', '.join(map(str, wanted))}]")


def not_empty(name: str, tensor: torch.Tensor | None) -> None:
    if tensor is not None and tensor.numel() == 0:
        raise ValueError(f"{name} is {_shape(tensor)}; it must not be empty")


def contiguous(name: str, tensor: torch.Tensor | None) -> None:
    if tensor is not None and not tensor.is_contiguous():
        raise ValueError(f"{name} has strides {tuple(tensor.stride())}; make it contiguous")


def rows_contiguous(name: str, tensor: torch.Tensor | None) -> None:
    """The last dimension has stride 1; rows may lie apart."""
    if tensor is not None and tensor.dim() and tensor.shape[-1] > 1 and tensor.stride(-1) != 1:
        raise ValueError(
            f"{name} has strides {tuple(tensor.stride())}; its last dimension must have stride 1"
        )


def same_device(**tensors: torch.Tensor | None) -> None:
    """All lie on the device of the first that is not absent."""
    present = [(name, t) for name, t in tensors.items() if t is not None]
    for name, tensor in present[1:]:
        first, reference = present[0]
        if tensor.device != reference.device:
            raise ValueError(
                f"{name} is on {tensor.device}, {first} is on {reference.device}; move one"
            )


def side_by_side(**tensors: torch.Tensor | None) -> None:
    """All contiguous, and on one device."""
    same_device(**tensors)
    for name, tensor in tensors.items():
        contiguous(name, tensor)


def same_dtype(**tensors: torch.Tensor | None) -> None:
    """All have the dtype of the first that is not absent."""
    present = [(name, t) for name, t in tensors.items() if t is not None]
    for name, tensor in present[1:]:
        first, reference = present[0]
        if tensor.dtype != reference.dtype:
            raise ValueError(
                f"{name} is {_of(tensor.dtype)}, {first} is {_of(reference.dtype)}; cast one"
            )


def between(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; give {low} to {high}")


def multiple(name: str, value: int, of: int) -> None:
    """`value` is a positive multiple of `of`."""
    if value < 1 or value % of:
        raise ValueError(f"{name} is {value}; give a positive multiple of {of}")


def one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; give one of {', '.join(map(repr, allowed))}")


def aligned(name: str, tensor: torch.Tensor | None, size: int) -> None:
    """The first element's address is a multiple of `size` bytes. Not where shapes are traced."""
    if tensor is not None and tensor.data_ptr() % size:
        raise ValueError(
            f"{name} starts {tensor.data_ptr() % size} bytes past a multiple of {size}; "
            "copy it (clone) instead of passing a view"
        )


def _of(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")


def _shape(tensor: torch.Tensor) -> str:
    return f"[{', '.join(str(size) for size in tensor.shape)}]"
