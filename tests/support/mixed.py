"""Many requests of every kind, sent at once, with too little memory for those that run together.

They must get the same tokens as one by one: what else is in a batch, being preempted and computed
again, is nobody's business.
"""

from __future__ import annotations

import random
from typing import Any

from tests.support import engine, prompts

REQUESTS = 200
# 32 blocks of 16 tokens for 32 sequences, most of which grow into another block.
MEMORY: dict[str, Any] = {"num_gpu_blocks_override": 32, "max_num_seqs": 32, "max_model_len": 256}
# Greedy, penalised, sampled: a seed makes a request's choices its own.
KINDS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"repetition_penalty": 1.3},
    {"presence_penalty": 0.6, "frequency_penalty": 0.4},
    {"temperature": 0.8, "seed": 11},
    {"temperature": 1.1, "top_p": 0.9, "top_k": 40, "seed": 5},
    {"logprobs": 2},
    {"min_p": 0.05, "temperature": 0.7, "seed": 23},
)
GREEDY = 2  # the first kinds are greedy and nothing else


def requests(ids: list[list[int]], tokens: int) -> tuple[list[list[int]], list[dict[str, Any]]]:
    """`REQUESTS` prompts of 1 to 120 tokens, cut from `ids`, and the parameters of each.

    They generate from `tokens` / 4 to `tokens` tokens.
    """
    rng = random.Random(0)
    pool = [token for row in ids for token in row]
    cut, params = [], []
    for i in range(REQUESTS):
        start, length = rng.randrange(len(pool) - 120), rng.choice((1, 13, 15, 31, 47, 63, 110))
        cut.append(pool[start : start + length])
        params.append({**KINDS[i % len(KINDS)], "max_tokens": rng.randint(tokens // 4, tokens)})
    return cut, params


def jobs(ids: list[list[int]], tokens: int) -> list[engine.Job]:
    """All at once, then one by one."""
    cut, params = requests(ids, tokens)
    return [engine.Job(cut, params=params), engine.Job(cut, one_by_one=True, params=params)]


def ids() -> list[list[int]]:
    """Tokens of the prompts that all tests share."""
    from transformers import AutoTokenizer

    from tests.support import tinylm

    tokenizer = AutoTokenizer.from_pretrained(tinylm.copy(tinylm.ORIGINAL))
    return [tokenizer(text)["input_ids"] for text in prompts.TEXTS]
