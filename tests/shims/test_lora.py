"""LoRA, left as upstream has it: an adapter gives the tokens of the merged weights.

On quantised weights too, which our layers repack: there, merged with what the copy's format says.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tests.support import adapter, engine, prompts, reference, tinylm

# Checkpoint -> (prompts, tokens each); the reference of our 4-bit layers is slow.
COPIES = {
    tinylm.ORIGINAL: (8, 32),
    "gptq-g128": (4, 16),
    "awq-g128": (4, 16),
}


@pytest.fixture(scope="module")
def ids() -> list[list[int]]:
    tokenizer = AutoTokenizer.from_pretrained(tinylm.copy(tinylm.ORIGINAL))
    return [tokenizer(text)["input_ids"] for text in prompts.TEXTS[:8]]


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return adapter.write(tinylm.copy(tinylm.ORIGINAL), tmp_path_factory.mktemp("adapter"))


@pytest.fixture(scope="module")
def answers(ids: list[list[int]], lora: Path) -> dict[str, engine.Answers]:
    loras = (str(lora), None)
    llm = {
        "dtype": "float32",
        "max_model_len": 1024,
        "enable_lora": True,
        "max_lora_rank": adapter.RANK,
    }
    asks = []
    for copy, (count, steps) in COPIES.items():
        jobs = [engine.Job(ids[:count], params={"max_tokens": steps}, lora=at) for at in loras]
        asks.append(engine.Ask(str(tinylm.copy(copy)), jobs, llm))
    return dict(zip(COPIES, engine.run_all(asks), strict=True))


@pytest.mark.parametrize("copy", COPIES)
def test_adapter_equals_merged_weights(
    copy: str, answers: dict[str, engine.Answers], ids: list[list[int]], tmp_path: Path
) -> None:
    found, plain = answers[copy], tinylm.copy(copy)
    assert not found.error, found.error[-6000:]
    if copy != tinylm.ORIGINAL:
        plain = tinylm.dequantise(copy, tmp_path)
        served = {r["implementation"] for r in found.report if "_proj" in r["layer"]}
        assert served == {"GfxW4A16LinearKernel"}
    model = reference.load(plain)
    adapter.merge(model, tmp_path)  # the same adapter: it depends on nothing but sizes
    count, steps = COPIES[copy]
    expected = reference.generate(model, ids[:count], steps)
    assert reference.differing(found.tokens[0], expected) == []
    assert found.tokens[0] != found.tokens[1], "the adapter must change something"
