"""The packers against an independent reading of each format, and against vLLM's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationScheme
from safetensors.torch import load_file

from tests.support import dequantise, tinylm

Weights = dict[str, torch.Tensor]
COMPRESSED = [name for name in tinylm.QUANTISED if name.startswith("ct-")]


def quantization(name: str) -> dict[str, Any]:
    text = (tinylm.copy(name) / "config.json").read_text(encoding="utf-8")
    return dict(json.loads(text)["quantization_config"])


def stored(name: str) -> Weights:
    return load_file(tinylm.copy(name) / "model.safetensors")


def groups(name: str, layer: str, inputs: int) -> torch.Tensor:
    """The group of each input: from the checkpoint where it says so, else neighbours."""
    index = stored(name).get(f"{layer}.g_idx")
    size = 32 if name.endswith("g32") else 128
    return torch.arange(inputs) // size if index is None else index.long()


def steps(weight: torch.Tensor, group: torch.Tensor, symmetric: bool) -> torch.Tensor:
    """The distance between neighbouring values that 16 of them need to span each group."""
    found = torch.empty_like(weight)
    for number in group.unique():
        part = weight[:, group == number]
        low, high = part.amin(1).clamp(max=0), part.amax(1).clamp(min=0)
        span = torch.maximum(-low, high) * 2 if symmetric else high - low
        found[:, group == number] = (span / 15)[:, None]
    return found


@pytest.mark.parametrize("name", tinylm.QUANTISED)
def test_every_weight_is_within_half_a_step(name: str, weights: Weights) -> None:
    read = dequantise.weights(tinylm.copy(name))
    assert set(read) == set(weights)
    symmetric = "asym" not in name and "awq" not in name
    for layer, weight in weights.items():
        if not layer.endswith("_proj.weight"):
            assert torch.equal(read[layer], weight.float()), layer
            continue
        group = groups(name, layer.removesuffix(".weight"), weight.shape[1])
        step = steps(weight.float(), group, symmetric)
        # A scale is an fp16 number, rounded up.
        assert ((read[layer] - weight.float()).abs() <= step * 0.5 * (1 + 2**-9)).all(), layer


@pytest.mark.parametrize("name", tinylm.QUANTISED)
def test_the_checkpoint_is_four_bits(name: str) -> None:
    tensors = stored(name)
    words = [t for t in tensors.values() if t.dtype == torch.int32 and t.ndim == 2]
    assert sum(word.numel() for word in words) * 8 >= 4_915_200
    assert {t.dtype for t in tensors.values() if t.is_floating_point()} == {torch.float16}
    assert "model.embed_tokens.weight" in tensors


def test_desc_act_groups_inputs_out_of_order() -> None:
    tensors = stored("gptq-desc-act")
    indices = {name: t for name, t in tensors.items() if name.endswith(".g_idx")}
    assert len(indices) == 35
    for name, index in indices.items():
        assert not torch.equal(index, index.sort().values), name
        assert index.bincount().tolist() == [128] * (len(index) // 128), name


def test_layers_that_an_engine_joins_share_their_groups() -> None:
    tensors = stored("gptq-desc-act")
    for number in range(5):
        for block, names in (("self_attn", "qkv"), ("mlp", ("gate", "up"))):
            stem = f"model.layers.{number}.{block}"
            indices = [tensors[f"{stem}.{name}_proj.g_idx"] for name in names]
            assert all(torch.equal(index, indices[0]) for index in indices), stem


@pytest.mark.parametrize("name", ["gptq-asym", "awq-g128", "ct-asym-g128", "ct-asym-g32"])
def test_asymmetric_zeros_differ(name: str) -> None:
    zeros = [t for key, t in stored(name).items() if key.endswith(("qzeros", "weight_zero_point"))]
    nibbles = {int(n) for z in zeros for n in dequantise.unpack_rows(z).unique()}
    assert len(nibbles) >= 3


@pytest.mark.parametrize("name", COMPRESSED)
def test_compressed_tensors_itself_reads_the_same(name: str) -> None:
    (group,) = quantization(name)["config_groups"].values()
    scheme = QuantizationScheme(**group)
    tensors, ours = stored(name), dequantise.weights(tinylm.copy(name))
    stems = [key.removesuffix("weight_packed") for key in tensors if "weight_packed" in key]
    assert len(stems) == 35
    for stem in stems:
        layer = {k.removeprefix(stem): t for k, t in tensors.items() if k.startswith(stem)}
        layer["weight_scale"] = layer["weight_scale"].float()
        layer["weight_shape"] = torch.Size(layer["weight_shape"].tolist())
        theirs = BaseCompressor.get_value_from_registry("pack-quantized").decompress(layer, scheme)
        assert torch.equal(theirs["weight"], ours[f"{stem}weight"]), stem


@pytest.mark.parametrize("name", tinylm.QUANTISED)
def test_dequantised_copy_is_a_plain_checkpoint(name: str, tmp_path: Path) -> None:
    out = tinylm.dequantise(name, tmp_path / "plain")
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert "quantization_config" not in config
    assert {t.dtype for t in load_file(out / "model.safetensors").values()} == {torch.float32}
