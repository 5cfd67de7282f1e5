"""The model has learnt: bits per byte on text it has not seen, what it writes, and chat."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch

from tests.support import tinylm

WORST = 1.8  # bits per byte
ROLES = ("system", "user", "assistant")


@pytest.fixture(scope="module")
def held_out() -> list[str]:
    file = tinylm.share() / "held-out.jsonl"
    assert file.stat().st_size <= 64_000
    return [json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines()]


@torch.inference_mode()
def bits(model: Any, tokenizer: Any, text: str, window: int) -> float:
    """Cost of the text in windows of `window` tokens, each begun with the first special token."""
    ids = tokenizer(text, add_special_tokens=False).input_ids
    total = 0.0
    for start in range(0, len(ids), window - 1):
        row = torch.tensor([[tokenizer.bos_token_id, *ids[start : start + window - 1]]])
        logs = model(row).logits[0, :-1].log_softmax(-1)
        total -= logs.gather(1, row[0, 1:, None]).sum().item()
    return total / math.log(2)


def test_bits_per_byte_of_the_sample(
    model: Any, tokenizer: Any, held_out: list[str], origin: dict[str, Any]
) -> None:
    window = origin["held_out"]["window_tokens"]
    found = sum(bits(model, tokenizer, text, window) for text in held_out)
    per_byte = found / sum(len(text.encode()) for text in held_out)
    assert per_byte == pytest.approx(origin["held_out"]["bits_per_byte"]["sample"], rel=1e-4)
    assert per_byte <= WORST


def test_recorded_bits_per_byte(origin: dict[str, Any]) -> None:
    recorded = origin["held_out"]["bits_per_byte"]
    assert recorded["all"] <= WORST
    assert max(recorded["by_source"].values()) <= WORST


def test_greedy_text_is_the_recorded_one(
    model: Any, tokenizer: Any, origin: dict[str, Any]
) -> None:
    for sample in origin["greedy"]:
        special = not sample["prompt"].startswith(tokenizer.bos_token)
        ids = tokenizer(sample["prompt"], add_special_tokens=special, return_tensors="pt").input_ids
        out = model.generate(ids, max_new_tokens=48, do_sample=False)
        assert tokenizer.decode(out[0, ids.shape[1] :]) == sample["text"]


def test_chat_ends_its_turn(model: Any, tokenizer: Any) -> None:
    question = [{"role": "user", "content": "Describe `write_file` as JSON."}]
    ids = tokenizer.apply_chat_template(
        question, add_generation_prompt=True, return_tensors="pt", return_dict=False
    )
    out = model.generate(ids, max_new_tokens=120, do_sample=False)[0, ids.shape[1] :]
    assert out[-1] == tokenizer.eos_token_id
    assert set(json.loads(tokenizer.decode(out[:-1]))) == {"name", "arguments", "summary"}


def test_template_marks_every_role(tokenizer: Any) -> None:
    talk = [{"role": role, "content": f" {role} says "} for role in ROLES]
    text = tokenizer.apply_chat_template(talk, tokenize=False)
    assert text == "<|bos|>" + "".join(f"<|{role}|>\n{role} says<|end|>\n" for role in ROLES)
    for token in (f"<|{role}|>" for role in ROLES):
        assert len(tokenizer(token, add_special_tokens=False).input_ids) == 1


def test_template_refuses_a_role_the_model_does_not_know(tokenizer: Any) -> None:
    with pytest.raises(Exception, match="knows the roles system, user and assistant, not tool"):
        tokenizer.apply_chat_template([{"role": "tool", "content": "x"}], tokenize=False)


def test_any_text_survives_the_tokenizer(tokenizer: Any) -> None:
    text = 'naïve 漢字 🙂\t\x00 {"a": [1, 2.5e-3]}\r\n    indent'
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text
