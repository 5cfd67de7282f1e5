"""4-bit weights as checkpoints store them, read losslessly into one form.

`layout.pack` takes that form. Formats by their own definitions: AutoGPTQ's `gptq` and `gptq_v2`,
AutoAWQ's `gemm`, compressed-tensors' `pack-quantized`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from gfx_kernels.w4 import layout, nibbles


@dataclass(frozen=True)
class Weight:
    """`n` outputs, `k` inputs in stored order; stored input `j` is feature `order[j]` of `x`.

    `values` uint8 `[n, k]`; `scales` `[n, groups]`; `zeros` uint8 `[n, groups]`, None for 8;
    `order` int64 `[k]`, None for ascending.
    """

    values: torch.Tensor
    scales: torch.Tensor
    zeros: torch.Tensor | None = None
    order: torch.Tensor | None = None

    def pack(self) -> layout.Packed:
        """In the kernels' layout. Raises ValueError as `layout.pack` does."""
        return layout.pack(self.values, self.scales, self.zeros)


def gptq(
    qweight: torch.Tensor,
    scales: torch.Tensor,
    qzeros: torch.Tensor | None = None,
    g_idx: torch.Tensor | None = None,
    *,
    zeros_minus_one: bool = True,
) -> Weight:
    """From `qweight` int32 `[k/8, n]`, `scales` `[groups, n]`, `qzeros` int32 `[groups, n/8]`.

    `g_idx` int32 `[k]` is the group of each input (desc_act); leave `qzeros` out for symmetric
    weights. `zeros_minus_one`: format `gptq`, not `gptq_v2`. Raises ValueError for uneven groups.
    """
    values = nibbles.unpack(qweight.t())
    zeros = None if qzeros is None else nibbles.unpack(qzeros).t()
    if zeros is not None and zeros_minus_one:
        zeros = true_zeros(zeros)
    order = None
    if g_idx is not None:
        order = group_order(g_idx, values.shape[1] // scales.shape[0])
    return Weight(values if order is None else values[:, order], scales.t(), zeros, order)


def true_zeros(stored: torch.Tensor) -> torch.Tensor:
    """Zero points of format `gptq`, stored minus one modulo 16, as they are meant."""
    return (stored + 1) & 15


def group_order(g_idx: torch.Tensor, group_size: int) -> torch.Tensor | None:
    """The order, int64 `[k]`, that brings the inputs of a group together; None if they are.

    `g_idx` `[k]`: the group of each input. Raises ValueError if a group is not of `group_size`.
    """
    k = g_idx.numel()
    order = torch.argsort(g_idx, stable=True)
    expected = torch.arange(k, dtype=g_idx.dtype, device=g_idx.device) // group_size
    if not torch.equal(g_idx[order], expected):
        raise ValueError(f"g_idx does not name {k // group_size} groups of {group_size} inputs")
    return None if torch.equal(g_idx, expected) else order


def awq(qweight: torch.Tensor, scales: torch.Tensor, qzeros: torch.Tensor) -> Weight:
    """From `qweight` int32 `[k, n/8]`, `scales` `[groups, n]`, `qzeros` int32 `[groups, n/8]`."""
    values = nibbles.unpack(qweight, nibbles.PAIRED).t()
    return Weight(values, scales.t(), nibbles.unpack(qzeros, nibbles.PAIRED).t())


def compressed_tensors(
    weight_packed: torch.Tensor,
    weight_scale: torch.Tensor,
    weight_zero_point: torch.Tensor | None = None,
) -> Weight:
    """From int32 `[n, k/8]`, scales `[n, groups]` and, if asymmetric, int32 `[n/8, groups]`."""
    zeros = None if weight_zero_point is None else nibbles.unpack(weight_zero_point.t()).t()
    return Weight(nibbles.unpack(weight_packed), weight_scale, zeros)
