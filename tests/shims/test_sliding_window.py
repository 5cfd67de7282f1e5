"""Sliding-window attention: the tiny model's weights as a Mistral with a short window."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tests.support import engine, prompts, reference, tinylm

WINDOW, STEPS = 24, 48


@pytest.fixture
def mistral(tmp_path: Path) -> Path:
    folder = tmp_path / "mistral"
    shutil.copytree(tinylm.copy("fp"), folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "architectures": ["MistralForCausalLM"],
        "model_type": "mistral",
        "sliding_window": WINDOW,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_window_equals_transformers(mistral: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(mistral)
    ids = [tokenizer(text)["input_ids"] for text in prompts.TEXTS[8:20]]
    job = engine.Job(ids, params={"max_tokens": STEPS})
    llm = {"dtype": "float32", "max_model_len": 1024, "max_num_batched_tokens": 128}
    answers = engine.run(mistral, [job], max_num_seqs=8, **llm)
    expected = reference.generate(reference.load(mistral), ids, STEPS)
    assert reference.differing(answers.tokens[0], expected) == []
    unlimited = reference.generate(reference.load(tinylm.copy("fp")), ids, STEPS)
    assert len(reference.differing(expected, unlimited)) > 3, "the window must matter"
