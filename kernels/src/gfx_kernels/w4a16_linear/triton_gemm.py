"""More rows than the kernel takes: a Triton matrix product that unpacks weights as it goes.

Reads each weight once per BLOCK_M rows and writes no temporary. Values minus zero points are small
integers, exact in 16 bits; scales multiply the float32 sum of each group's part, so no weight is
rounded.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

# Rows up to which a tile serves -> (BLOCK_M, BLOCK_N, warps): the largest that spill nothing on any
# target (the tests compile them); not measured yet.
TILES = ((16, (16, 32, 4)), (32, (32, 64, 4)), (64, (64, 64, 8)), (1 << 31, (128, 64, 8)))


@triton.jit
def _gemm(  # type: ignore[no-untyped-def]  # Triton reads the annotations
    out,
    x,
    qweight,
    scales,
    zeros,
    bias,
    m,
    n,
    k,
    group_size,
    HAS_ZEROS: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    row = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    output = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    real_row, real_output = row < m, output < n
    tile, lane = (output // 16).to(tl.int64), output % 16
    word = tl.arange(0, 4)
    # Input `i` of a word's eight is in the half `i % 2`, at its nibble `i // 2`.
    shift = (tl.arange(0, 8) % 2) * 16 + (tl.arange(0, 8) // 2) * 4
    words = qweight + (tile * (k // 32) * 64 + lane * 4)[:, None] + word[None, :]
    inputs = x + row.to(tl.int64)[:, None] * k + tl.arange(0, 32)[None, :]
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, k, 32):
        a = tl.load(inputs + start, mask=real_row[:, None], other=0.0)
        packed = tl.load(words + start * 2, mask=real_output[:, None], other=0)
        values = (packed[:, :, None] >> shift[None, None, :]) & 15
        values = tl.reshape(values, (BLOCK_N, 32))
        group = tile * (k // group_size) + start // group_size
        if HAS_ZEROS:
            points = tl.load(zeros + group * 2 + lane // 8, mask=real_output, other=0)
            values -= ((points >> (lane % 8 * 4)) & 15)[:, None]
        else:
            values -= 8
        scale = tl.load(scales + group * 16 + lane, mask=real_output, other=0.0).to(tl.float32)
        b = tl.trans(values.to(tl.float32).to(a.dtype))  # the interpreter has no int to bfloat16
        product = tl.dot(a, b, input_precision="ieee")
        total += product * scale[None, :]
    if HAS_BIAS:
        total += tl.load(bias + output, mask=real_output, other=0.0).to(tl.float32)[None, :]
    place = out + row.to(tl.int64)[:, None] * n + output[None, :]
    tl.store(place, total.to(out.dtype.element_ty), mask=real_row[:, None] & real_output[None, :])


def w4a16_linear(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    bias: torch.Tensor | None,
    n: int,
) -> torch.Tensor:
    """`x` `[m, k]`, inputs in stored order, to `[m, n]`; groups are multiples of 32."""
    m, k = x.shape
    group_size = k // scales.shape[1]
    block_m, block_n, warps = next(tile for rows, tile in TILES if m <= rows)
    out = x.new_empty(m, n)
    _gemm[(triton.cdiv(m, block_m), triton.cdiv(n, block_n))](
        out,
        x,
        qweight,
        scales,
        scales if zeros is None else zeros,
        scales if bias is None else bias,
        m,
        n,
        k,
        group_size,
        HAS_ZEROS=zeros is not None,
        HAS_BIAS=bias is not None,
        BLOCK_M=block_m,
        BLOCK_N=block_n,
        num_warps=warps,
    )
    return out
