"""Plain PyTorch definition of the rotary embedding; float32 inside, float64 if given it."""

from __future__ import annotations

import torch


def rotary_embedding(
    positions: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor | None,
    head_size: int,
    cos_sin_cache: torch.Tensor,
    is_neox: bool,
    rope_dim_offset: int = 0,
    inverse: bool = False,
) -> None:
    known = (positions >= 0) & (positions < cos_sin_cache.shape[0])
    inside = torch.float64 if query.dtype == torch.float64 else torch.float32
    angles = cos_sin_cache[torch.where(known, positions, 0)].to(inside)
    angles = angles.masked_fill(~known.unsqueeze(-1), float("nan"))
    cosine, sine = angles.unsqueeze(-2).chunk(2, dim=-1)
    sine = -sine if inverse else sine
    part = slice(rope_dim_offset, rope_dim_offset + cos_sin_cache.shape[1])
    for tensor in (query, key):
        if tensor is not None:
            heads = _heads(tensor, positions, head_size)[..., part]
            heads.copy_(_rotated(heads.to(inside), cosine, sine, is_neox))


def _heads(tensor: torch.Tensor, positions: torch.Tensor, head_size: int) -> torch.Tensor:
    if tensor.dim() == positions.dim() + 2:
        return tensor
    return tensor.unflatten(-1, (tensor.shape[-1] // head_size, head_size))


def _rotated(
    x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor, is_neox: bool
) -> torch.Tensor:
    first, second = x.chunk(2, dim=-1) if is_neox else (x[..., ::2], x[..., 1::2])
    pair = (first * cosine - second * sine, second * cosine + first * sine)
    return torch.cat(pair, dim=-1) if is_neox else torch.stack(pair, dim=-1).flatten(-2)
