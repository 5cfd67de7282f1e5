"""What transformers generates: the yardstick for tokens."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM


def load(folder: Path) -> torch.nn.Module:
    """The checkpoint in float32, whatever it is stored in; it never stops at an end token."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.generation_config.eos_token_id = None
    return model


@torch.inference_mode()
def generate(model: torch.nn.Module, rows: list[list[int]], steps: int) -> list[list[int]]:
    """Greedy continuations of `rows`, `steps` tokens each: one batch, padded on the left."""
    width = max(map(len, rows))
    padded = torch.tensor([[0] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    out = model.generate(
        padded, attention_mask=mask, max_new_tokens=steps, do_sample=False, pad_token_id=0
    )
    return out[:, width:].tolist()


def differing(found: list[list[int]], expected: list[list[int]]) -> list[str]:
    """One line for each prompt whose tokens differ."""
    pairs = enumerate(zip(found, expected, strict=True))
    return [f"prompt {i}: {a[:8]} is not {b[:8]}" for i, (a, b) in pairs if a != b]
