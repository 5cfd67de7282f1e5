"""LoRA, left as upstream has it: an adapter gives the tokens of the merged weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from tests.support import adapter, engine, prompts, reference, tinylm

STEPS = 32


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return reference.load(tinylm.copy("fp"))


def test_adapter_equals_merged_weights(model: torch.nn.Module, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tinylm.copy("fp"))
    ids = [tokenizer(text)["input_ids"] for text in prompts.TEXTS[:8]]
    adapter.merge(model, tmp_path)
    jobs = [
        engine.Job(ids, params={"max_tokens": STEPS}, lora=str(tmp_path)),
        engine.Job(ids, params={"max_tokens": STEPS}),
    ]
    llm: dict[str, Any] = {
        "dtype": "float32",
        "max_model_len": 1024,
        "enable_lora": True,
        "max_lora_rank": adapter.RANK,
    }
    answers = engine.run(tinylm.copy("fp"), jobs, **llm)
    expected = reference.generate(model, ids, STEPS)
    assert reference.differing(answers.tokens[0], expected) == []
    assert answers.tokens[0] != answers.tokens[1], "the adapter must change something"
