"""What float32 says of the tokens in expected.json: engines' log-probabilities are measured by it.

By transformers, on the same or the dequantised weights, so by none of our code; a few seconds each.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from tests.gpu import expected
from tests.support import adapter, tinylm
from tests.support import reference as transformers
from tests.support.agreement import Reference, Tokens


@cache
def reference(name: str) -> Reference:
    """What the cpu target gave for one of COPIES, or LORA, with float32's log-probabilities."""
    wanted = expected.reference(name)
    with tempfile.TemporaryDirectory() as folder:
        exact = model(name, Path(folder))
    texts = zip(expected.prompt_ids(), wanted.tokens, strict=True)
    return replace(wanted, logprobs=[_own(logprobs(exact, *text), text[1]) for text in texts])


def model(name: str, folder: Path) -> torch.nn.Module:
    """The checkpoint in float32, on the cpu; `folder` is for what must be written meanwhile."""
    if name in tinylm.QUANTISED:
        return transformers.load(tinylm.dequantise(name, folder))
    found = transformers.load(tinylm.copy(tinylm.ORIGINAL))
    if name == expected.LORA:
        adapter.merge(found, folder)
    return found


@torch.inference_mode()
def logprobs(model: torch.nn.Module, prompt: Tokens, row: Tokens) -> torch.Tensor:
    """Of all tokens at each step of `row`, `[step, token]`, after `prompt` and the steps before."""
    logits: torch.Tensor = model(torch.tensor([[*prompt, *row]])).logits
    return logits[0, len(prompt) - 1 : -1].float().log_softmax(-1)


def _own(steps: torch.Tensor, row: Tokens) -> list[float]:
    found: list[float] = steps.gather(-1, torch.tensor(row).unsqueeze(-1)).squeeze(-1).tolist()
    return found
