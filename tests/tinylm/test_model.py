"""What the package says of the model is so: geometry, size, origin."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

LIMIT = 12_000_000  # bytes of the weights


def config(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))


def test_geometry(folder: Path) -> None:
    found = config(folder)
    assert found["architectures"] == ["LlamaForCausalLM"]
    assert found["head_dim"] == 128
    assert 0 < found["num_key_value_heads"] < found["num_attention_heads"]
    assert found["num_attention_heads"] % found["num_key_value_heads"] == 0
    assert found["tie_word_embeddings"]


def test_weights_have_that_geometry(folder: Path, weights: dict[str, torch.Tensor]) -> None:
    found = config(folder)
    query, key = (weights[f"model.layers.0.self_attn.{n}_proj.weight"] for n in "qk")
    assert len(query) == found["num_attention_heads"] * found["head_dim"]
    assert len(key) == found["num_key_value_heads"] * found["head_dim"]
    assert 5e6 <= sum(weight.numel() for weight in weights.values()) <= 6e6


def test_groups_of_128_divide_every_linear(weights: dict[str, torch.Tensor]) -> None:
    inputs = {name: w.shape[1] for name, w in weights.items() if name.endswith("_proj.weight")}
    assert len(inputs) == 7 * 5
    assert {name: n for name, n in inputs.items() if n % 128} == {}


def test_weights_are_small_half_precision_safetensors(folder: Path) -> None:
    file = folder / "model.safetensors"
    assert file.stat().st_size <= LIMIT
    with safe_open(file, "pt") as opened:
        assert {opened.get_slice(name).get_dtype() for name in opened.keys()} == {"F16"}  # noqa: SIM118


def test_origin_names_these_files(folder: Path, origin: dict[str, Any]) -> None:
    found = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}
    assert found == origin["sha256"]


def test_origin_is_complete(origin: dict[str, Any]) -> None:
    assert {"seed", "steps", "tokens", "loss_nats_per_token"} <= set(origin["training"])
    for source in origin["text"]["sources"].values():
        assert source["licence"] in ("PSF-2.0", "Apache-2.0", "PSF-2.0 AND Apache-2.0")
        assert source["train"]["files"] > source["held-out"]["files"] > 0
