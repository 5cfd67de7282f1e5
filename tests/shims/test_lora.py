"""LoRA, left as upstream has it: an adapter gives the tokens of the merged weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer

from tests.support import engine, prompts, reference, tinylm

RANK, ALPHA, STEPS = 8, 32, 32
MODULES = ("q_proj", "v_proj", "o_proj", "down_proj")


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return reference.load(tinylm.copy("fp"))


def _adapter(model: torch.nn.Module, folder: Path) -> None:
    """Random A and B for `MODULES`, written as PEFT does; `model` becomes the merged model."""
    rng = torch.Generator().manual_seed(3)
    tensors = {}
    for name, layer in model.named_modules():
        if name.endswith(MODULES):
            a = torch.randn(RANK, layer.in_features, generator=rng) * layer.in_features**-0.5
            b = torch.randn(layer.out_features, RANK, generator=rng) * 0.02
            tensors[f"base_model.model.{name}.lora_A.weight"] = a
            tensors[f"base_model.model.{name}.lora_B.weight"] = b
            layer.weight.data += ALPHA / RANK * b @ a
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "target_modules": [*MODULES]}
    folder.joinpath("adapter_config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "adapter_model.safetensors")


def test_adapter_equals_merged_weights(model: torch.nn.Module, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tinylm.copy("fp"))
    ids = [tokenizer(text)["input_ids"] for text in prompts.TEXTS[:8]]
    _adapter(model, tmp_path)
    jobs = [
        engine.Job(ids, params={"max_tokens": STEPS}, lora=str(tmp_path)),
        engine.Job(ids, params={"max_tokens": STEPS}),
    ]
    llm = {"dtype": "float32", "max_model_len": 1024, "enable_lora": True, "max_lora_rank": RANK}
    answers = engine.run(tinylm.copy("fp"), jobs, **llm)
    expected = reference.generate(model, ids, STEPS)
    assert reference.differing(answers.tokens[0], expected) == []
    assert answers.tokens[0] != answers.tokens[1], "the adapter must change something"
