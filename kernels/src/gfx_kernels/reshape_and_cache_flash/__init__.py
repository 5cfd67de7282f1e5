"""Store new keys and values at their slots of a paged KV cache, as they are or as 8-bit floats."""

from __future__ import annotations

import torch

from gfx_kernels import checks, registration, rows
from gfx_kernels.reshape_and_cache_flash import launcher, reference

FP8 = (torch.float8_e4m3fn, torch.float8_e4m3fnuz)
# What `kv_cache_dtype` may say, by dtype of the cache; "auto" is always that of the keys.
NAMES = {
    torch.float16: ("auto", "float16", "half"),
    torch.bfloat16: ("auto", "bfloat16"),
    torch.float32: ("auto", "float32", "float"),
    **dict.fromkeys(FP8, ("fp8", "fp8_e4m3")),
}


def check(
    key: torch.Tensor,
    value: torch.Tensor,
    key_cache: torch.Tensor,
    value_cache: torch.Tensor,
    slot_mapping: torch.Tensor,
    kv_cache_dtype: str,
    k_scale: torch.Tensor,
    v_scale: torch.Tensor,
) -> None:
    """Raises ValueError for what the op does not serve."""
    _check_input(key, value, slot_mapping)
    _check_cache(key, key_cache, value_cache)
    checks.same_device(
        key=key,
        value=value,
        key_cache=key_cache,
        value_cache=value_cache,
        slot_mapping=slot_mapping,
    )
    checks.one_of("kv_cache_dtype", kv_cache_dtype, NAMES[key_cache.dtype])
    if key_cache.dtype in FP8:
        for name, scale in {"k_scale": k_scale, "v_scale": v_scale}.items():
            _check_scale(name, scale, key)
        checks.shape("v_scale", v_scale, k_scale.shape)


def _check_input(key: torch.Tensor, value: torch.Tensor, slot_mapping: torch.Tensor) -> None:
    checks.dtype("key", key, *rows.DTYPES)
    checks.same_dtype(key=key, value=value)
    checks.dims("key", key, 3)
    checks.not_empty("key", key)
    checks.shape("value", value, key.shape)
    for name, tensor in {"key": key, "value": value}.items():
        checks.rows_contiguous(name, tensor)
    checks.dtype("slot_mapping", slot_mapping, torch.int64)
    checks.dims("slot_mapping", slot_mapping, 1)
    checks.between("the length of slot_mapping", len(slot_mapping), 1, len(key))
    checks.contiguous("slot_mapping", slot_mapping)
    checks.between("the length of slot_mapping", len(slot_mapping), 1, rows.MOST)


def _check_cache(key: torch.Tensor, key_cache: torch.Tensor, value_cache: torch.Tensor) -> None:
    if key_cache.dtype == torch.uint8:
        raise ValueError("key_cache is uint8; view it as float8_e4m3fn or float8_e4m3fnuz")
    checks.dtype("key_cache", key_cache, key.dtype, *FP8)
    checks.same_dtype(key_cache=key_cache, value_cache=value_cache)
    checks.shape("key_cache", key_cache, ("blocks", "block_size", *key.shape[1:]))
    checks.not_empty("key_cache", key_cache)
    checks.shape("value_cache", value_cache, key_cache.shape)
    checks.rows_contiguous("key_cache", key_cache)
    rows.writable("key_cache", key_cache)
    checks.between("the blocks of key_cache", key_cache.shape[0], 1, rows.MOST)
    if value_cache.stride() != key_cache.stride():
        raise ValueError(
            f"value_cache has strides {value_cache.stride()}, key_cache has "
            f"{key_cache.stride()}; they must be laid out alike"
        )


def _check_scale(name: str, scale: torch.Tensor, key: torch.Tensor) -> None:
    checks.dtype(name, scale, torch.float32)
    checks.one_of(f"the size of {name}", scale.numel(), (1, key.shape[1]))
    checks.contiguous(name, scale)
    checks.same_device(key=key, **{name: scale})
    # On a GPU the values are not at hand: there a bad scale stores NaN or the largest number.
    if scale.device.type == "cpu" and not bool(((scale > 0) & scale.isfinite()).all()):
        raise ValueError(f"{name} is {scale.tolist()}; give positive, finite numbers")


registration.writing_op(
    "reshape_and_cache_flash",
    "Tensor key, Tensor value, Tensor(a!) key_cache, Tensor(b!) value_cache, Tensor slot_mapping, "
    "str kv_cache_dtype, Tensor k_scale, Tensor v_scale",
    check,
    launcher.launch,
    reference.reshape_and_cache_flash,
)


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
    """Store token `t` of `key` and `value` at slot `slot_mapping[t]` of the caches.

    `key`, `value`: `[tokens, heads, head_size]`, float16, bfloat16 or float32; the caches
    `[blocks, block_size, heads, head_size]`, laid out alike; all with last stride 1 and otherwise
    any strides. `slot_mapping`: int64, not longer than `key`, which may be padded; slot `s` is
    place `s % block_size` of block `s // block_size`; one below zero or past the last is skipped.
    `kv_cache_dtype`: "auto" for caches of the dtype of `key`; "fp8" or "fp8_e4m3" for caches of
    float8_e4m3fn or float8_e4m3fnuz, which get `key / k_scale` and `value / v_scale`, to nearest
    even, at most the largest finite number. Scales: float32, one or one per head.
    Raises ValueError where dtypes, shapes, strides, devices or names do not fit, for no tokens,
    and, on the cpu, for a scale that is not positive and finite.
    """
    torch.ops.gfx.reshape_and_cache_flash(
        key, value, key_cache, value_cache, slot_mapping, kv_cache_dtype, k_scale, v_scale
    )
