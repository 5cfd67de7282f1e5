"""An engine whose steps run out of memory under asynchronous scheduling: what its requests got.

    python -m tests.engine.out_of_memory_steps MODEL ANSWER.json

Two short requests generate; a long one and another short one join them, and the step with both
prompts fails in the model; the same again with one that fails where tokens are sampled.
`ANSWER.json` has the tokens of the short ones without a long one and beside each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SHORT = ([5, 6, 7, 8, 9], [20, 21, 22, 23])
WITH = [30, 31, 32, 33, 34, 35]  # comes with the long one: its prompt is in the step that fails
TOKENS = 16
BEFORE = 3  # tokens that both have when the long one comes
LONG = {"model": 40, "sampler": 50}  # tokens of its prompt, by where its step fails
# In a step: the long prompt, the two others' newest tokens, and mostly what came with it.
PLUGIN = f"""
SIZES = {LONG} | dict(at_last=0)

def register():
    import torch
    from vllm.model_executor.models.llama import LlamaForCausalLM
    from vllm.v1.worker import gpu_model_runner
    from vllm.v1.worker.gpu import model_runner

    def fail_if(tokens):
        if 2 <= SIZES["at_last"] - tokens <= {2 + len(WITH)}:
            raise torch.OutOfMemoryError("HIP out of memory. Tried to allocate 2.00 GiB.")

    def replace(owner, name, before):
        original = getattr(owner, name)

        def run(self, *args, **kwargs):
            before(*args, **kwargs)
            return original(self, *args, **kwargs)

        setattr(owner, name, run)

    def in_model(input_ids, *_, **__):
        SIZES["at_last"] = len(input_ids)
        fail_if(SIZES["model"])

    def in_sampler(*_, **__):
        fail_if(SIZES["sampler"])

    replace(LlamaForCausalLM, "forward", in_model)
    replace(model_runner.GPUModelRunner, "sample", in_sampler)
    replace(gpu_model_runner.GPUModelRunner, "_sample", in_sampler)
"""


def _ask(engine: Any, name: str, prompt: list[int]) -> None:
    from vllm import SamplingParams

    params = SamplingParams(temperature=0.0, max_tokens=TOKENS, ignore_eos=True, detokenize=False)
    engine.add_request(name, {"prompt_token_ids": prompt}, params)


def _round(engine: Any, name: str, long: int) -> dict[str, Any]:
    """Both short requests, joined by one of `long` tokens unless that is 0: tokens or a reason."""
    names = [f"{name}-{at}" for at in range(len(SHORT) + 1)]
    come = False
    for one, prompt in zip(names[:2], SHORT, strict=True):
        _ask(engine, one, prompt)
    tokens: dict[str, list[int]] = {key: [] for key in names}
    reasons = {}
    while engine.has_unfinished_requests():
        for output in engine.step():
            tokens[output.request_id] = list(output.outputs[0].token_ids)
            reasons[output.request_id] = output.outputs[0].finish_reason
        if not come and all(len(tokens[one]) >= BEFORE for one in names[:2]):
            come = True
            _ask(engine, names[2], WITH)
            if long:
                _ask(engine, f"{name}-long", [3] * long)
    return {"tokens": [tokens[one] for one in names], "long": reasons.get(f"{name}-long")}


def main(model: str, answer: str) -> None:
    from vllm import LLM

    llm = LLM(
        model, skip_tokenizer_init=True, dtype="float32", max_model_len=64, max_num_seqs=4,
        kv_cache_memory_bytes=1 << 22, seed=0, async_scheduling=True, disable_log_stats=False,
    )  # fmt: skip
    rounds = {name: _round(llm.llm_engine, name, n) for name, n in {"alone": 0, **LONG}.items()}
    Path(answer).write_text(json.dumps(rounds), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
