"""Checkpoint tensors of one linear layer in each format, written from the formats' definitions.

`Weight` is what a quantiser found; its `dense` is the definition of what the layer multiplies by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32

Tensors = dict[str, torch.Tensor]

# Output columns in the order AWQ puts them into a word, lowest bits first.
_AWQ_COLUMNS = (0, 2, 4, 6, 1, 3, 5, 7)


@dataclass(frozen=True)
class Weight:
    """`values` 0..15 `[n, k]`; `scales`, `zeros` `[n, groups]`; `group` `[k]`: input -> group."""

    values: np.ndarray[Any, Any]
    scales: np.ndarray[Any, Any]
    zeros: np.ndarray[Any, Any]
    group: np.ndarray[Any, Any]

    def dense(self, dtype: torch.dtype) -> np.ndarray[Any, Any]:
        """float64 `[n, k]`, its scales rounded to the `dtype` vLLM loads them in."""
        scales = torch.from_numpy(self.scales).to(dtype).double().numpy()
        zeros = self.zeros.astype(np.float64)
        dense: np.ndarray[Any, Any] = (self.values - zeros[:, self.group]) * scales[:, self.group]
        return dense


def weight(
    n: int, k: int, group_size: int, *, zeros: bool = False, shuffled: bool = False, seed: int = 0
) -> Weight:
    """A random weight; zero points 0 and 15 both occur. `shuffled`: as GPTQ's desc_act leaves it.

    Only inputs, not outputs, decide the shuffle, as they do in GPTQ.
    """
    rng = np.random.default_rng(seed)
    group = np.arange(k) // (k if group_size == -1 else group_size)
    if shuffled:
        group = np.random.default_rng(k).permutation(group)
    shape = (n, int(group.max()) + 1)
    scales = rng.uniform(0.001, 0.05, shape).astype(np.float16)
    points = rng.integers(0, 16, shape) if zeros else np.full(shape, 8)
    return Weight(rng.integers(0, 16, (n, k)), scales, points, group)


def _words(nibbles: np.ndarray[Any, Any]) -> torch.Tensor:
    """Eight nibbles of the last axis per int32, the first lowest."""
    eights = nibbles.reshape(*nibbles.shape[:-1], -1, 8).astype(np.uint64)
    words = (eights << (4 * np.arange(8, dtype=np.uint64))).sum(-1).astype(np.uint32)
    return torch.from_numpy(words.view(np.int32).copy())


def gptq(w: Weight, *, v2: bool = False) -> Tensors:
    """AutoGPTQ's tensors: packed along inputs; zero points along outputs, v1 minus one."""
    stored = w.zeros if v2 else (w.zeros - 1) % 16
    return {
        "qweight": _words(w.values).t().contiguous(),
        "qzeros": _words(stored.T),
        "scales": torch.from_numpy(w.scales.T.copy()),
        "g_idx": torch.from_numpy(w.group.astype(np.int32)),
    }


def awq(w: Weight) -> Tensors:
    """AutoAWQ's `gemm` tensors: everything packed along outputs, in its own order."""

    def along_outputs(values: np.ndarray[Any, Any]) -> torch.Tensor:
        eights = values.T.reshape(values.shape[1], -1, 8)
        return _words(eights[..., _AWQ_COLUMNS].reshape(values.shape[1], -1))

    return {
        "qweight": along_outputs(w.values),
        "qzeros": along_outputs(w.zeros),
        "scales": torch.from_numpy(w.scales.T.copy()),
    }


def compressed(w: Weight, *, zeros: bool) -> Tensors:
    """compressed-tensors' `pack-quantized` tensors, through that library's own packer."""
    signed = torch.from_numpy(w.values - 8).to(torch.int8)
    tensors = {
        "weight_packed": pack_to_int32(signed, 4),
        "weight_scale": torch.from_numpy(w.scales),
        "weight_shape": torch.tensor(w.values.shape),
    }
    if zeros:
        points = torch.from_numpy(w.zeros - 8).to(torch.int8)
        tensors["weight_zero_point"] = pack_to_int32(points, 4, packed_dim=0).contiguous()
    return tensors
