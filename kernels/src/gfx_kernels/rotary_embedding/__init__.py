"""Rotary position embedding (Su et al., RoFormer, arXiv 2104.09864), in place."""

from __future__ import annotations

import torch

from gfx_kernels import checks, registration, rows
from gfx_kernels.rotary_embedding import heads, launcher, reference


def check(
    positions: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor | None,
    head_size: int,
    cos_sin_cache: torch.Tensor,
    is_neox: bool,
    rope_dim_offset: int = 0,
    inverse: bool = False,
) -> None:
    """Raises ValueError for what the op does not serve."""
    checks.dtype("positions", positions, torch.int64)
    checks.between("the dimensions of positions", positions.dim(), 1, 2)
    checks.contiguous("positions", positions)
    checks.dtype("query", query, *rows.DTYPES)
    checks.same_dtype(query=query, key=key)
    checks.same_device(query=query, key=key, positions=positions, cos_sin_cache=cos_sin_cache)
    checks.between("head_size", head_size, 1, rows.LONGEST)
    checks.between("the number of positions", positions.numel(), 1, rows.MOST)
    for name, tensor in {"query": query, "key": key}.items():
        if tensor is not None:
            heads.find(name, tensor, positions, head_size)
    _check_table(cos_sin_cache, query.dtype, head_size, rope_dim_offset)


def _check_table(
    table: torch.Tensor, dtype: torch.dtype, head_size: int, rope_dim_offset: int
) -> None:
    checks.dtype("cos_sin_cache", table, *dict.fromkeys((dtype, torch.float32)))
    checks.dims("cos_sin_cache", table, 2)
    checks.not_empty("cos_sin_cache", table)
    checks.contiguous("cos_sin_cache", table)
    checks.between("the rows of cos_sin_cache", table.shape[0], 1, rows.MOST)
    checks.multiple("the width of cos_sin_cache", table.shape[1], 2)
    checks.between("rope_dim_offset", rope_dim_offset, 0, head_size - 1)
    checks.between(
        "rope_dim_offset plus the width of cos_sin_cache",
        rope_dim_offset + table.shape[1],
        2,
        head_size,
    )


registration.writing_op(
    "rotary_embedding",
    "Tensor positions, Tensor(a!) query, Tensor(b!)? key, int head_size, Tensor cos_sin_cache, "
    "bool is_neox, int rope_dim_offset=0, bool inverse=False",
    check,
    launcher.launch,
    reference.rotary_embedding,
)


def rotary_embedding(
    positions: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor | None,
    head_size: int,
    cos_sin_cache: torch.Tensor,
    is_neox: bool = True,
    rope_dim_offset: int = 0,
    inverse: bool = False,
) -> None:
    """Rotate the heads of `query` and `key` by the angles of their positions, in place.

    `positions`: int64 `[tokens]` or `[batch, tokens]`; `query`, `key`: that shape followed by
    `heads * head_size` or by `heads, head_size`, float16, bfloat16 or float32, tokens and heads at
    any one distance each. `cos_sin_cache`: `[max_position, width]`, cosines then sines, in the
    dtype of `query` or float32; the `width` numbers of a head from `rope_dim_offset` on are
    rotated, the others are left alone. `is_neox`: pairs are (i, width / 2 + i), else (2i, 2i + 1).
    `inverse`: by the negated angles. Computed in float32. A position outside the table makes the
    rotated numbers NaN. Raises ValueError where dtypes, shapes, strides or devices do not fit, or
    there are no positions.
    """
    torch.ops.gfx.rotary_embedding(
        positions, query, key, head_size, cos_sin_cache, is_neox, rope_dim_offset, inverse
    )
