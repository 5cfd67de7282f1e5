"""Plain PyTorch definition of the cache write; fp8 values are divided and rounded in float32."""

from __future__ import annotations

import torch


def reshape_and_cache_flash(
    key: torch.Tensor,
    value: torch.Tensor,
    key_cache: torch.Tensor,
    value_cache: torch.Tensor,
    slot_mapping: torch.Tensor,
    kv_cache_dtype: str,
    k_scale: torch.Tensor,
    v_scale: torch.Tensor,
) -> None:
    blocks, block_size = key_cache.shape[:2]
    tokens = torch.nonzero((slot_mapping >= 0) & (slot_mapping < blocks * block_size)).flatten()
    slots = slot_mapping[tokens]
    place = (slots // block_size, slots % block_size)
    for new, cache, scale in ((key, key_cache, k_scale), (value, value_cache, v_scale)):
        stored = _stored(new[tokens], cache.dtype, scale)
        if cache.dtype.itemsize == 1:  # torch does not index 8-bit floats everywhere
            stored, cache = stored.view(torch.uint8), cache.view(torch.uint8)
        cache[place] = stored


def _stored(new: torch.Tensor, dtype: torch.dtype, scale: torch.Tensor) -> torch.Tensor:
    if dtype.itemsize > 1:
        return new.to(dtype)
    most = torch.finfo(dtype).max
    return (new.float() / scale.view(-1, 1)).clamp(-most, most).to(dtype)
