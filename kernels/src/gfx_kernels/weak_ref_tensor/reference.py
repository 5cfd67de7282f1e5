"""A tensor over memory that something else owns."""

from __future__ import annotations

import torch


def weak_ref_tensor(input: torch.Tensor) -> torch.Tensor:
    return over(input.untyped_storage().data_ptr(), input, input.device)


def over(pointer: int, like: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor shaped and strided as `like` whose storage starts at `pointer` on `device`."""
    size = like.untyped_storage().nbytes()
    storage = torch._C._construct_storage_from_data_pointer(pointer, device, size)
    empty = torch.empty(0, dtype=like.dtype, device=device)
    return empty.set_(storage, like.storage_offset(), like.size(), like.stride())
