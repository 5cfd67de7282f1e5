"""Plain PyTorch definition of attention over a paged KV cache; float32 inside."""

from __future__ import annotations

from dataclasses import dataclass

import torch

# Query rows handled at once, so that the scores of a long prefill stay small in memory.
_ROWS = 256


@dataclass(frozen=True)
class Mask:
    """What a query may see, and how scores are bent before the softmax.

    `window`: a query sees itself and the `window - 1` tokens before it; None sees all.
    `soft_cap`: scores become `soft_cap * tanh(scores / soft_cap)`; 0 leaves them.
    `alibi`: float32 `[num_heads]` slopes; `sinks`: `[num_heads]` logits that take part in the
    softmax without a value.
    """

    causal: bool = True
    window: int | None = None
    soft_cap: float = 0.0
    alibi: torch.Tensor | None = None
    sinks: torch.Tensor | None = None


def write_kv(
    key: torch.Tensor, value: torch.Tensor, kv_cache: torch.Tensor, slots: torch.Tensor
) -> None:
    block_size = kv_cache.shape[2]
    slots = slots[: key.shape[0]]
    keep = slots >= 0
    if not bool(keep.all()):
        key, value, slots = key[: len(slots)][keep], value[: len(slots)][keep], slots[keep]
    rows = torch.cat([key[: len(slots)], value[: len(slots)]], dim=-1).to(kv_cache.dtype)
    kv_cache[slots // block_size, :, slots % block_size] = rows


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
    starts = query_start.tolist()
    for request, length in enumerate(seq_lens.tolist()):
        begin, end = starts[request], starts[request + 1]
        if begin == end:
            continue
        keys, values = _gather(kv_cache, block_table[request], length)
        first = length - (end - begin)
        for row in range(begin, end, _ROWS):
            stop = min(row + _ROWS, end)
            position = first + row - begin
            out[row:stop] = _attend(query[row:stop], keys, values, position, scale, mask)


def _gather(
    kv_cache: torch.Tensor, blocks: torch.Tensor, length: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values of one request, float32 `[num_kv_heads, length, head_size]`."""
    block_size = kv_cache.shape[2]
    used = blocks[: -(-length // block_size)].long()
    rows = kv_cache[used].transpose(0, 1).flatten(1, 2)[:, :length].float()
    keys, values = rows.chunk(2, dim=-1)
    return keys, values


def _attend(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    position: int,
    scale: float,
    mask: Mask,
) -> torch.Tensor:
    """One request's rows, the first at `position`: `[rows, num_heads, head_size]`."""
    rows, num_heads, head_size = query.shape
    groups = num_heads // keys.shape[0]
    q = query.float().transpose(0, 1).reshape(keys.shape[0], groups * rows, head_size)
    scores = torch.bmm(q, keys.transpose(1, 2)).mul_(scale).view(num_heads, rows, -1)
    probs = _softmax(_bend(scores, position, mask), mask)
    mixed = torch.bmm(probs.view(keys.shape[0], groups * rows, -1), values)
    return mixed.view(num_heads, rows, head_size).transpose(0, 1).to(query.dtype)


def _bend(scores: torch.Tensor, position: int, mask: Mask) -> torch.Tensor:
    """Soft cap, ALiBi, then the causal and window masks. `scores`: `[heads, rows, length]`."""
    if mask.soft_cap:
        scores = mask.soft_cap * torch.tanh(scores / mask.soft_cap)
    rows, length = scores.shape[1:]
    at = torch.arange(position, position + rows, device=scores.device)[:, None]
    distance = at - torch.arange(length, device=scores.device)[None, :]
    if mask.alibi is not None:
        scores = scores - mask.alibi[:, None, None] * distance
    hidden = distance < 0 if mask.causal else torch.zeros_like(distance, dtype=torch.bool)
    if mask.window is not None:
        hidden = hidden | (distance.abs() >= mask.window)
    return scores.masked_fill(hidden, float("-inf"))


def _softmax(scores: torch.Tensor, mask: Mask) -> torch.Tensor:
    if mask.sinks is None:
        return torch.softmax(scores, dim=-1)
    sinks = mask.sinks.float()[:, None, None].expand(-1, scores.shape[1], 1)
    return torch.softmax(torch.cat([scores, sinks], dim=-1), dim=-1)[..., :-1]
