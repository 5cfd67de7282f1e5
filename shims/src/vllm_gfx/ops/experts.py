"""Routing for mixture-of-experts layers, with vLLM's compiled signatures.

Fixed shapes and no value read back from the device, so a graph can capture them.
"""

from __future__ import annotations

import torch


def _route(
    scores: torch.Tensor,
    topk_weights: torch.Tensor,
    topk_indices: torch.Tensor,
    token_expert_indices: torch.Tensor,
    renormalize: bool,
    bias: torch.Tensor | None,
    is_padding: torch.Tensor | None,
) -> None:
    tokens, k = topk_weights.shape
    # Rows that only pad a captured graph may hold NaN; they must still route to distinct experts.
    scores = torch.nan_to_num(scores, nan=0.0, posinf=0.0, neginf=0.0)
    choice = scores if bias is None else scores + bias.float()
    # A stable sort: of equal scores the lower expert wins, as in upstream's kernel.
    chosen = choice.sort(dim=-1, descending=True, stable=True).indices[:, :k]
    weights = scores.gather(1, chosen)
    if renormalize:
        total = weights.sum(dim=-1, keepdim=True)
        weights = weights / torch.where(total > 0, total, 1.0)
    topk_weights.copy_(weights)
    if is_padding is not None:
        chosen = chosen.masked_fill(is_padding.unsqueeze(1), -1)
    topk_indices.copy_(chosen)
    rows = torch.arange(tokens, device=scores.device).unsqueeze(1)
    columns = torch.arange(k, device=scores.device).unsqueeze(0)
    token_expert_indices.copy_(columns * tokens + rows)


def topk_softmax(
    topk_weights: torch.Tensor,
    topk_indices: torch.Tensor,
    token_expert_indices: torch.Tensor,
    gating_output: torch.Tensor,
    renormalize: bool,
    bias: torch.Tensor | None,
    is_padding: torch.Tensor | None,
) -> None:
    """The `k` experts with the largest softmax score per token, written to the first three.

    `gating_output` `[tokens, experts]`; weights float32, indices int, both `[tokens, k]`. `bias`
    float `[experts]` counts for the choice only; rows in the bool `is_padding` get index -1.
    """
    scores = gating_output.float().softmax(dim=-1)
    outputs = (topk_weights, topk_indices, token_expert_indices)
    _route(scores, *outputs, renormalize, bias, is_padding)


def topk_sigmoid(
    topk_weights: torch.Tensor,
    topk_indices: torch.Tensor,
    token_expert_indices: torch.Tensor,
    gating_output: torch.Tensor,
    renormalize: bool,
    bias: torch.Tensor | None,
    routed_scaling_factor: float,
    is_padding: torch.Tensor | None,
) -> None:
    """As `topk_softmax` with sigmoid scores; the weights are scaled by the factor at the end."""
    scores = gating_output.float().sigmoid()
    outputs = (topk_weights, topk_indices, token_expert_indices)
    _route(scores, *outputs, renormalize, bias, is_padding)
    topk_weights.mul_(routed_scaling_factor)


def _local(
    topk_ids: torch.Tensor, num_experts: int, expert_map: torch.Tensor | None
) -> torch.Tensor:
    """Flat expert per slot, int64; `num_experts` where the slot names no expert of this rank."""
    ids = topk_ids.flatten().long()
    inside = (ids >= 0) & (ids < num_experts)
    if expert_map is not None:
        mapped = expert_map.long()[ids.clamp(0, num_experts - 1)]
        inside &= mapped >= 0
        ids = mapped
    return torch.where(inside, ids, num_experts)


def moe_align_block_size(
    topk_ids: torch.Tensor,
    num_experts: int,
    block_size: int,
    sorted_token_ids: torch.Tensor,
    experts_ids: torch.Tensor,
    num_tokens_post_pad: torch.Tensor,
    expert_map: torch.Tensor | None,
    scatter_idx: torch.Tensor | None = None,
) -> None:
    """Group the slots of `topk_ids` `[tokens, k]` by expert, each group padded to `block_size`.

    `sorted_token_ids` int32 gets slot numbers, `tokens * k` where padded; `experts_ids` int32 the
    expert of each block, -1 after the last; `num_tokens_post_pad` int32 `[1]` the used length.
    """
    ids = _local(topk_ids, num_experts, expert_map)
    slots, places = ids.numel(), sorted_token_ids.numel()
    counts = torch.zeros(num_experts + 1, dtype=torch.long, device=ids.device)
    counts.scatter_add_(0, ids, torch.ones_like(ids))
    padded = (counts[:num_experts] + block_size - 1) // block_size * block_size
    ends = padded.cumsum(0)
    order = ids.argsort(stable=True)
    expert = ids[order]
    rank = torch.arange(slots, device=ids.device) - (counts.cumsum(0) - counts)[expert]
    starts = torch.cat((ends - padded, torch.full_like(ends[-1:], places)))
    # Slots of other ranks go to one place past the end, which is cut off.
    place = torch.where(expert < num_experts, starts[expert] + rank, places)
    grouped = torch.full((places + 1,), slots, dtype=torch.int32, device=ids.device)
    grouped.scatter_(0, place, order.to(torch.int32))
    sorted_token_ids.copy_(grouped[:places])
    block = torch.arange(experts_ids.numel(), device=ids.device) * block_size
    owner = torch.searchsorted(ends, block, right=True)
    experts_ids.copy_(torch.where(block < ends[-1], owner, -1))
    num_tokens_post_pad.copy_(ends[-1:])
    if scatter_idx is not None:
        own = torch.where(ids < num_experts, torch.arange(slots, device=ids.device), -1)
        scatter_idx.copy_(own.view_as(scatter_idx))


def moe_sum(
    x: torch.Tensor,
    output: torch.Tensor,
    topk_ids: torch.Tensor | None = None,
    expert_map: torch.Tensor | None = None,
) -> None:
    """Sum `[tokens, k, hidden]` over `k` in float32, without slots that name no local expert."""
    values = x.float()
    if topk_ids is not None:
        skip = topk_ids < 0
        if expert_map is not None:
            skip |= expert_map[topk_ids.clamp_min(0).long()] < 0
        values = values.masked_fill(skip.unsqueeze(-1), 0.0)
    output.copy_(values.sum(dim=1))
