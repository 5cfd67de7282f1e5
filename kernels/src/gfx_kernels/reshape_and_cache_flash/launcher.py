"""Launch reshape_and_cache_flash: a block per token; variants by what is stored, for odd places."""

from __future__ import annotations

import torch

from gfx_kernels import rows, runtime

_THREADS = 256
_SIGNATURE = "ppppppp" + "iiiii" + "lllllll"
_FP8 = {torch.float8_e4m3fn: "fn", torch.float8_e4m3fnuz: "fnuz"}


def launch(
    key: torch.Tensor,
    value: torch.Tensor,
    key_cache: torch.Tensor,
    value_cache: torch.Tensor,
    slot_mapping: torch.Tensor,
    kv_cache_dtype: str,
    k_scale: torch.Tensor,
    v_scale: torch.Tensor,
) -> None:
    """One launch on the current stream of `key`'s device; arguments as checked by the op."""
    blocks, block_size, heads, size = key_cache.shape
    name = _name(key, value, key_cache, value_cache)
    runtime.kernel("reshape_and_cache_flash", name, _SIGNATURE, overlap=True).launch(
        (len(slot_mapping), 1, 1),
        (_THREADS, 1, 1),
        0,
        *(t.data_ptr() for t in (key, value, key_cache, value_cache, slot_mapping)),
        k_scale.data_ptr(),
        v_scale.data_ptr(),
        int(k_scale.numel() > 1),
        heads,
        size,
        block_size,
        blocks,
        *key.stride()[:2],
        *value.stride()[:2],
        *key_cache.stride()[:3],
        device=key.get_device(),
    )


def _name(
    key: torch.Tensor, value: torch.Tensor, key_cache: torch.Tensor, value_cache: torch.Tensor
) -> str:
    """Copies are by width; conversions by both dtypes."""
    size = key.shape[2]
    if key_cache.dtype in _FP8:
        variant = f"{rows.TYPES[key.dtype]}_{_FP8[key_cache.dtype]}"
    else:
        variant = f"b{8 * key.element_size()}"
    stored = 16 // key.element_size() * key_cache.element_size()  # bytes per store
    ends = (key_cache.data_ptr(), value_cache.data_ptr(), *_bytes(key_cache))
    wide = rows.wide(key, size, *key.stride()[:2]) and rows.wide(value, *value.stride()[:2])
    odd = not wide or any(end % stored for end in ends)
    return f"reshape_and_cache_flash_{variant}{'_odd' if odd else ''}"


def _bytes(cache: torch.Tensor) -> tuple[int, ...]:
    return tuple(stride * cache.element_size() for stride in cache.stride()[:3])
