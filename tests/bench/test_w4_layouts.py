"""Layouts of others, unpacked here nibble by nibble."""

from __future__ import annotations

import torch
from gfx_bench.peers import w4_layouts
from gfx_kernels.w4 import nibbles

N, K = 24, 32
VALUES = torch.randint(0, 16, (N, K), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
PAIRED = (0, 2, 4, 6, 1, 3, 5, 7)


def _nibble(word: torch.Tensor, place: int) -> int:
    return (int(word) >> (4 * place)) & 15


def test_by_outputs() -> None:
    for order in (nibbles.NATURAL, nibbles.PAIRED):
        words = w4_layouts.by_outputs(VALUES, order)
        assert words.shape == (K, N // 8) and words.is_contiguous()
        for k, word, place in ((0, 0, 0), (5, 2, 3), (31, 1, 7)):
            assert _nibble(words[k, word], place) == VALUES[8 * word + order[place], k]


def test_by_inputs() -> None:
    words = w4_layouts.by_inputs(VALUES)
    assert words.shape == (K // 8, N) and words.is_contiguous()
    for n, k in ((0, 0), (7, 9), (23, 31)):
        assert _nibble(words[k // 8, n], k % 8) == VALUES[n, k]


def test_rows_paired() -> None:
    words = w4_layouts.rows_paired(VALUES)
    assert words.shape == (N, K // 8)
    for n, word, place in ((0, 0, 1), (7, 3, 4), (23, 2, 7)):
        assert _nibble(words[n, word], place) == VALUES[n, 8 * word + PAIRED[place]]


def test_zeros_by_rows() -> None:
    words = w4_layouts.zeros_by_rows(VALUES)
    assert words.shape == (N // 8, K) and words.is_contiguous()
    for n, group in ((0, 0), (13, 5), (23, 31)):
        assert _nibble(words[n // 8, group], n % 8) == VALUES[n, group]


def test_pairs_hold_the_even_input_in_the_high_half() -> None:
    pairs = w4_layouts.pairs(VALUES)
    assert pairs.shape == (N, K // 2) and pairs.dtype == torch.uint8
    assert torch.equal(pairs >> 4, VALUES[:, 0::2]) and torch.equal(pairs & 15, VALUES[:, 1::2])


def test_absent_zeros_are_eight() -> None:
    scales = torch.rand(N, 2)
    assert torch.equal(w4_layouts.filled_zeros(None, scales), torch.full((N, 2), 8))
    assert w4_layouts.filled_zeros(VALUES, scales) is VALUES


def test_scales_and_offsets_are_what_torchs_kernel_takes() -> None:
    """Through torch's CPU kernel, which has the same scales and offsets."""
    rng = torch.Generator().manual_seed(2)
    values = torch.randint(0, 16, (32, 64), generator=rng, dtype=torch.uint8)
    scales = (torch.rand(32, 2, generator=rng) + 0.5).bfloat16()
    x = torch.randn(3, 64, generator=rng).bfloat16()
    packed = torch._convert_weight_to_int4pack_for_cpu(values.int(), 2)
    for zeros in (None, torch.randint(0, 16, (32, 2), generator=rng, dtype=torch.uint8)):
        offsets = w4_layouts.scales_and_offsets(scales, zeros, torch.bfloat16)
        out = torch._weight_int4pack_mm_for_cpu(x, packed, 32, offsets).float()
        points = w4_layouts.filled_zeros(zeros, scales).float().repeat_interleave(32, 1)
        weight = (values.float() - points) * scales.float().repeat_interleave(32, 1)
        exact = x.float() @ weight.t()
        assert (out - exact).abs().max() / exact.abs().max() < 1e-2
