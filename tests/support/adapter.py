"""A LoRA adapter for the tiny model, made from a seed: the same bytes every time."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.support import reference

RANK, ALPHA = 8, 32
MODULES = ("q_proj", "v_proj", "o_proj", "down_proj")


def merge(model: torch.nn.Module, folder: Path, strength: float = 0.02) -> None:
    """Random A and B for `MODULES`, written as PEFT does; `model` becomes the merged model.

    `strength`: B's standard deviation.
    """
    rng = torch.Generator().manual_seed(3)
    tensors = {}
    for name, layer in model.named_modules():
        if name.endswith(MODULES):
            a = torch.randn(RANK, layer.in_features, generator=rng) * layer.in_features**-0.5
            b = torch.randn(layer.out_features, RANK, generator=rng) * strength
            tensors[f"base_model.model.{name}.lora_A.weight"] = a
            tensors[f"base_model.model.{name}.lora_B.weight"] = b
            layer.weight.data += ALPHA / RANK * b @ a
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "target_modules": [*MODULES]}
    folder.joinpath("adapter_config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "adapter_model.safetensors")


def write(model: Path, folder: Path) -> Path:
    """Write the adapter for the checkpoint `model` into `folder` and return it."""
    merge(reference.load(model), folder)
    return folder
