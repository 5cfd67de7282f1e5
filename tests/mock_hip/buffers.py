"""Which memory a kernel may touch: the tensors that a test names, or the ones that are alive."""

from __future__ import annotations

import gc
from typing import NamedTuple

import torch


class Buffer(NamedTuple):
    address: int
    size: int
    name: str


def of(name: str, tensor: torch.Tensor) -> Buffer:
    """The bytes from a tensor's first to its last element."""
    reach = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
    size = (reach + 1) * tensor.element_size() if tensor.numel() else 0
    return Buffer(tensor.data_ptr(), size, name)


def around(addresses: set[int]) -> set[Buffer]:
    """The storages of live CPU tensors that have `addresses`: what a real GPU would let pass."""
    found = set()
    for thing in gc.get_objects():
        if type(thing) not in (torch.Tensor, torch.nn.Parameter) or thing.device.type != "cpu":
            continue
        storage = thing.untyped_storage()
        start, size = storage.data_ptr(), storage.nbytes()
        if start and any(start <= address < start + size for address in addresses):
            found.add(Buffer(start, size, f"a tensor of {size} bytes"))
    return found
