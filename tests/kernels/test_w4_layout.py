"""The layout is as documented and lossless, from random weights and from real checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from gfx_kernels.w4 import layout, nibbles
from gfx_kernels.w4a16_linear import cases, checkpoint, reference
from safetensors.torch import load_file

from tests.support import packers, tinylm


def _values(n: int, k: int, seed: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 16, (n, k), generator=rng, dtype=torch.uint8)


@pytest.mark.parametrize("order", [nibbles.NATURAL, nibbles.PAIRED])
def test_nibbles_are_where_the_order_says(order: tuple[int, ...]) -> None:
    values = _values(3, 24)
    words = nibbles.pack(values, order)
    unsigned = words.numpy().view(np.uint32)
    for word in range(3):
        for place, value in enumerate(order):
            stored = (unsigned[:, word] >> (4 * place)) & 15
            assert (stored == values[:, 8 * word + value].numpy()).all()
    assert torch.equal(nibbles.unpack(words, order), values)


def test_nibbles_come_in_eights() -> None:
    with pytest.raises(ValueError, match="no multiple of 8"):
        nibbles.pack(_values(2, 12))


@pytest.mark.parametrize("n", [1, 16, 33])
@pytest.mark.parametrize("k", [32, 96, 704])
def test_values_are_where_the_layout_says(n: int, k: int) -> None:
    values = _values(n, k)
    packed = layout.pack_values(values)
    assert packed.dtype == torch.int32 and packed.is_contiguous()
    assert packed.shape == (-(-n // 16), k // 32, 16, 4)
    words = packed.numpy().view(np.uint32)
    rows, inputs = np.arange(n)[:, None], np.arange(k)[None, :]
    word = words[rows // 16, inputs // 32, rows % 16, inputs % 32 // 8]
    pair = (word >> (4 * (inputs % 8 // 2))) & 0x000F000F
    assert np.array_equal((pair >> (16 * (inputs % 2))) & 15, values.numpy())
    assert torch.equal(layout.unpack_values(packed, n), values)


@pytest.mark.parametrize("n", [1, 16, 33])
def test_scales_and_zeros_are_where_the_layout_says(n: int) -> None:
    scales, zeros = torch.rand(n, 5).half(), _values(n, 5)
    by_tile, words = layout.pack_scales(scales), layout.pack_zeros(zeros)
    assert by_tile.shape == (-(-n // 16), 5, 16) and by_tile.is_contiguous()
    assert words.shape == (-(-n // 16), 5, 2) and words.dtype == torch.int32
    for row in range(n):
        tile, r = divmod(row, 16)
        assert torch.equal(by_tile[tile, :, r], scales[row])
        stored = (words[tile, :, r // 8].numpy().view(np.uint32) >> (4 * (r % 8))) & 15
        assert (stored == zeros[row].numpy()).all()
    assert torch.equal(layout.unpack_scales(by_tile, n), scales)
    assert torch.equal(layout.unpack_zeros(words, n), zeros)


def test_rows_of_padding_are_zero() -> None:
    for zeros in (None, _values(17, 2)):
        packed = layout.pack(_values(17, 64), torch.rand(17, 2), zeros)
        dense = reference.dequantise(packed.qweight, packed.scales, packed.zeros, 32)
        assert dense[:17].any(dim=1).all() and not dense[17:].any()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_scales_that_are_no_numbers_are_refused(bad: float) -> None:
    scales = torch.ones(16, 2)
    scales[3, 1] = bad
    with pytest.raises(ValueError, match="scales hold NaN or infinity"):
        layout.pack(_values(16, 64), scales)


@pytest.mark.parametrize("k", [0, 31, 40])
def test_inputs_that_do_not_fit_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"{k} inputs"):
        layout.pack_values(_values(4, k))


@pytest.mark.parametrize("case", [cases.BENCH[0], cases.Case(1, 64, 40, 32, torch.half, True)])
def test_made_weights_are_weights(case: cases.Case) -> None:
    made = cases.packed_weight(case)
    parts = (layout.unpack_values(made.qweight, case.n), layout.unpack_scales(made.scales, case.n))
    zeros = None if made.zeros is None else layout.unpack_zeros(made.zeros, case.n)
    again = layout.pack(*parts, zeros)
    assert again.qweight.shape == made.qweight.shape and again.scales.shape == made.scales.shape
    assert len(set(parts[0].flatten().tolist())) == 16


def _same(read: checkpoint.Weight, made: packers.Weight) -> None:
    order = np.argsort(made.group, kind="stable")
    assert (read.values.numpy() == made.values[:, order]).all()
    assert (read.scales.numpy() == made.scales).all()
    assert np.all((8 if read.zeros is None else read.zeros.numpy()) == made.zeros)
    found = np.arange(len(order)) if read.order is None else read.order.numpy()
    assert np.array_equal(found, order)


@pytest.mark.parametrize("group_size", [32, 64, 128, -1])
@pytest.mark.parametrize("zeros", [False, True])
def test_formats_are_read_losslessly(group_size: int, zeros: bool) -> None:
    made = packers.weight(40, 256, group_size, zeros=zeros)
    for v2 in (False, True):
        stored = packers.gptq(made, v2=v2)
        points = stored["qzeros"] if zeros else None
        read = checkpoint.gptq(
            stored["qweight"], stored["scales"], points, stored["g_idx"], zeros_minus_one=not v2
        )
        _same(read, made)
    _same(checkpoint.awq(**packers.awq(made)), made)
    compressed = packers.compressed(made, zeros=zeros)
    del compressed["weight_shape"]
    _same(checkpoint.compressed_tensors(**compressed), made)


@pytest.mark.parametrize("zeros", [False, True])
def test_activation_order_is_read_losslessly(zeros: bool) -> None:
    made = packers.weight(40, 256, 64, zeros=zeros, shuffled=True)
    names = ("qweight", "scales", "qzeros", "g_idx")
    stored = packers.gptq(made)
    _same(checkpoint.gptq(*(stored[name] for name in names)), made)


def test_uneven_groups_are_refused() -> None:
    index = torch.tensor([0, 0, 0, 1])
    with pytest.raises(ValueError, match="2 groups of 2 inputs"):
        checkpoint.group_order(index, 2)


_READERS: dict[str, tuple[Callable[..., checkpoint.Weight], tuple[str, ...]]] = {
    "gptq": (checkpoint.gptq, ("qweight", "scales", "qzeros", "g_idx")),
    "awq": (checkpoint.awq, ("qweight", "scales", "qzeros")),
    "ct": (
        checkpoint.compressed_tensors,
        ("weight_packed", "weight_scale", "weight_zero_point"),
    ),
}


@pytest.mark.parametrize("copy", tinylm.QUANTISED)
def test_real_checkpoints_come_back_bit_for_bit(copy: str) -> None:
    """File -> our form -> the layout -> our form -> file, through packers that are not ours."""
    folder = tinylm.copy(copy)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = copy.split("-")[0]
    read, names = _READERS[kind]
    tensors = load_file(folder / "model.safetensors")
    stems = sorted(name.removesuffix(names[0]) for name in tensors if name.endswith(f".{names[0]}"))
    assert stems and config["quantization_config"]
    for stem in stems:
        stored = {name: tensors[stem + name] for name in names if stem + name in tensors}
        weight = read(**stored)
        packed = weight.pack()
        n, k = weight.values.shape
        values = layout.unpack_values(packed.qweight, n)
        scales = layout.unpack_scales(packed.scales, n)
        zeros = None if packed.zeros is None else layout.unpack_zeros(packed.zeros, n)
        group = np.arange(k) // (k // scales.shape[1])
        if weight.order is not None:
            back = torch.argsort(weight.order)
            values, group = values[:, back], group[back.numpy()]
        points = np.full(scales.shape, 8) if zeros is None else zeros.numpy()
        again = packers.Weight(values.numpy().astype(np.int64), scales.numpy(), points, group)
        written = packers.compressed(again, zeros=zeros is not None) if kind == "ct" else (
            getattr(packers, kind)(again)
        )  # fmt: skip
        for name, tensor in stored.items():
            assert torch.equal(written[name], tensor), f"{stem}{name}"


@pytest.mark.parametrize(
    ("scales", "zeros", "words"),
    [
        ((3, 1), None, r"scales is \[3, 1\]; give \[16, groups\]"),
        ((16, 2), (16, 1), r"zeros is \[16, 1\], scales \[16, 2\]"),
        ((16, 3), None, "64 inputs cannot lie in 3 groups"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    scales: tuple[int, int], zeros: tuple[int, int] | None, words: str
) -> None:
    values = torch.zeros(16, 64, dtype=torch.uint8)
    points = None if zeros is None else torch.zeros(zeros, dtype=torch.uint8)
    with pytest.raises(ValueError, match=words):
        layout.pack(values, torch.ones(scales), points)


def test_values_of_more_than_four_bits_are_refused() -> None:
    values = torch.zeros(16, 64, dtype=torch.uint8)
    values[3, 5] = 16
    with pytest.raises(ValueError, match="more than 4 bits"):
        layout.pack(values, torch.ones(16, 2))
