"""Device tensors over pinned host memory."""

from __future__ import annotations

import torch
from gfx_kernels.weak_ref_tensor.reference import over


def get_cuda_view_from_cpu_tensor(cpu_tensor: torch.Tensor) -> torch.Tensor:
    """A device tensor over the bytes of a host tensor; writes on either side are seen by both.

    A tensor that is not pinned is copied to pinned memory first, and the view shows the copy.
    The view keeps the host memory alive. Raises ValueError unless the tensor is on the CPU.
    """
    if cpu_tensor.device.type != "cpu":
        raise ValueError(f"a CPU tensor is needed, not one on {cpu_tensor.device}")
    device = torch.device("cuda", torch.cuda.current_device())
    if cpu_tensor.numel() == 0:
        return torch.empty(cpu_tensor.shape, dtype=cpu_tensor.dtype, device=device)
    pinned = cpu_tensor if cpu_tensor.is_pinned() else cpu_tensor.contiguous().pin_memory()
    return host_view(pinned, device)


def host_view(pinned: torch.Tensor, device: torch.device) -> torch.Tensor:
    """`pinned` seen from `device`, which must address host memory by the host's own pointers."""
    view = over(pinned.untyped_storage().data_ptr(), pinned, device)
    # torch keeps a storage's attributes for the storage's whole life, whoever holds it.
    view.untyped_storage()._host_memory = pinned.untyped_storage()
    return view
