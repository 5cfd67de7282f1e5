"""Launch rotary_embedding: blocks by token; variants by dtype of the table, for odd places."""

from __future__ import annotations

import torch

from gfx_kernels import rows, runtime
from gfx_kernels.rotary_embedding import heads

_THREADS = 256
_FEW = 64  # tokens up to which a token gets a thread for every pair: more keep a GPU busy anyway
_SIGNATURE = "ppppllll" + "iiiiiii"


def launch(
    positions: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor | None,
    head_size: int,
    cos_sin_cache: torch.Tensor,
    is_neox: bool,
    rope_dim_offset: int = 0,
    inverse: bool = False,
) -> None:
    """One launch on the current stream of `query`'s device; arguments as checked by the op."""
    none = heads.Heads(0, 0, 0)
    q = heads.known(query, positions, head_size)
    k = none if key is None else heads.known(key, positions, head_size)
    half = cos_sin_cache.shape[1] // 2
    name = f"rotary_embedding_{rows.TYPES[query.dtype]}"
    name += "" if cos_sin_cache.dtype == query.dtype else "_c32"
    width = 16 // query.element_size()  # pairs that a thread rotates
    if not (
        rows.wide(query, q.token_stride, q.head_stride, rope_dim_offset, half)
        and rows.wide(key, k.token_stride, k.head_stride)
        and rows.wide(cos_sin_cache, half)
    ):
        name += "_odd"
        width = 1
    units = (q.count + k.count) * (half // width)
    blocks = -(-units // _THREADS) if positions.numel() <= _FEW else 1
    offset = rope_dim_offset * query.element_size()
    runtime.kernel("rotary_embedding", name, _SIGNATURE, overlap=True).launch(
        (positions.numel(), blocks, 1),
        (_THREADS, 1, 1),
        0,
        positions.data_ptr(),
        query.data_ptr() + offset,
        0 if key is None else key.data_ptr() + offset,
        cos_sin_cache.data_ptr(),
        q.token_stride,
        q.head_stride,
        k.token_stride,
        k.head_stride,
        q.count,
        k.count,
        half,
        cos_sin_cache.shape[0],
        int(is_neox),
        int(inverse),
        blocks,
        device=query.get_device(),
    )
