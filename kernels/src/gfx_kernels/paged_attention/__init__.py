"""Attention over a paged KV cache: write new keys and values, then attend.

Layout, vLLM 0.32's: one tensor per layer, `[num_blocks, num_kv_heads, block_size, 2 * head_size]`,
keys first, then values, in the last dimension. Grouped-query attention, chunked prefill, prefix
caching, sliding window, soft cap, ALiBi and sinks are all cases of the same definition.
"""

from __future__ import annotations

import torch

from gfx_kernels.paged_attention import reference
from gfx_kernels.paged_attention.reference import Mask as Mask


def write_kv(
    key: torch.Tensor, value: torch.Tensor, kv_cache: torch.Tensor, slots: torch.Tensor
) -> None:
    """Store `key` and `value` `[tokens, num_kv_heads, head_size]` at the flat positions `slots`.

    `slots` is int64 `[tokens]`; -1 means: do not store. Raises ValueError where shapes disagree.
    """
    if key.shape != value.shape or key.dim() != 3:
        raise ValueError(
            f"key {tuple(key.shape)} and value {tuple(value.shape)} must be equal, 3-d"
        )
    expected = (key.shape[1], 2 * key.shape[2])
    if (kv_cache.shape[1], kv_cache.shape[3]) != expected:
        raise ValueError(f"cache {tuple(kv_cache.shape)} does not hold heads x 2*size {expected}")
    reference.write_kv(key, value, kv_cache, slots)


def paged_attention(
    query: torch.Tensor,
    kv_cache: torch.Tensor,
    block_table: torch.Tensor,
    query_start: torch.Tensor,
    seq_lens: torch.Tensor,
    scale: float,
    mask: Mask,
    out: torch.Tensor,
) -> None:
    """Attend each request's queries to its cached keys, which must include the queries' own.

    `query` and `out`: `[tokens, num_heads, head_size]`, requests one after the other;
    `block_table`: int32 `[requests, max_blocks]`; `query_start`: int32 `[requests + 1]`;
    `seq_lens`: int32 `[requests]`, cached tokens including the queries. Softmax and sums run in
    float32. Raises ValueError where the head counts disagree.
    """
    if query.shape[1] % kv_cache.shape[1]:
        raise ValueError(
            f"{query.shape[1]} query heads are no multiple of {kv_cache.shape[1]} kv heads"
        )
    reference.paged_attention(query, kv_cache, block_table, query_start, seq_lens, scale, mask, out)
