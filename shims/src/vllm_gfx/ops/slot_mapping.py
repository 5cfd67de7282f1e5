"""vLLM's slot-mapping Triton kernel in PyTorch, for the target without Triton."""

from __future__ import annotations

import torch


def compute_slot_mapping(
    num_tokens: int,
    max_num_tokens: int,
    query_start_loc_ptr: torch.Tensor,
    positions_ptr: torch.Tensor,
    block_table_ptr: torch.Tensor,
    block_table_stride: int,
    slot_mapping_ptr: torch.Tensor,
    KV_CACHE_BLOCK_SIZE: int,
    TOTAL_CP_WORLD_SIZE: int,
    TOTAL_CP_RANK: int,
    CP_KV_CACHE_INTERLEAVE_SIZE: int,
    PAD_ID: int,
    BLOCK_SIZE: int,
) -> None:
    """Write each token's flat cache position into the slot mapping, `PAD_ID` after the last.

    `query_start_loc_ptr`: int32 `[requests + 1]`; `positions_ptr`: int64 `[tokens]`;
    `block_table_ptr`: int32 `[requests, blocks]`; `slot_mapping_ptr`: int64 `[max_num_tokens]`.
    The parameters are the Triton kernel's, name by name: vLLM then forwards by name, and a kernel
    that changed raises. Raises ValueError for context parallelism, which needs several workers.
    """
    if TOTAL_CP_WORLD_SIZE != 1:
        raise ValueError("context parallelism is not served on the cpu target")
    starts = query_start_loc_ptr
    lengths = (starts[1:] - starts[:-1]).long()
    requests = torch.arange(len(lengths)).repeat_interleave(lengths)
    at = positions_ptr[: len(requests)].long()
    blocks = block_table_ptr[requests, at // KV_CACHE_BLOCK_SIZE].long()
    slots = blocks * KV_CACHE_BLOCK_SIZE + at % KV_CACHE_BLOCK_SIZE
    slot_mapping_ptr[: len(requests)] = slots
    slot_mapping_ptr[len(requests) : max_num_tokens] = PAD_ID
