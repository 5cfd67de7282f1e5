"""Our 4-bit layers on a simulated card, amid what an engine does around them: an adapter, pieces of
a prompt, the prefix cache, a compiler.

No compiled kernel runs on a CPU, so GFX_KERNELS_IMPLEMENTATION asks for the product of many rows,
which is torch's. Of compiling this shows that Dynamo traces the whole model through our ops without
a break, that vLLM splits it and its passes take it, and that the code which inductor makes for the
CPU gives eager's tokens. The code that it makes for a GPU is tested in tests/gpu.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from torch._inductor import config as inductor

from tests.shims.amd import models, simulate
from tests.support import adapter, engine

GFX = "gfx1100"
OURS = "GfxW4A16LinearKernel"
PROMPTS = [[5, 6, 7, 8, 9, 10, 11], list(range(40, 59))]
TOKENS = 3
CHUNK = 8  # tokens a step; the longer prompt takes three, and one block of the cache (16 tokens)
ADAPTED = 2  # tokens: one after the prompt and one alone; upstream's kernels for it are slow here
STRENGTH = 0.1  # so that the adapter changes the first of few tokens
COMPILER = shutil.which(str(inductor.cpp.cxx[-1]))
LLM: dict[str, Any] = {
    "dtype": "float16",
    "seed": 0,
    "max_model_len": 64,
    "max_num_seqs": 4,
    "kv_cache_memory_bytes": 1 << 22,
    "skip_tokenizer_init": True,
}
EAGER: dict[str, Any] = {
    "max_num_batched_tokens": CHUNK,
    "enable_prefix_caching": True,
    "enable_lora": True,
    "max_lora_rank": adapter.RANK,
}
INDUCTOR: dict[str, Any] = {"mode": 3, "backend": "inductor"}
# In this order: the report of a process keeps which of our ops have run.
COMPILED = {
    "inductor": INDUCTOR,
    "inductor and our ops": {**INDUCTOR, "custom_ops": ["all"]},
    "dynamo": {"mode": 3, "backend": "eager"},
}
LAYERS = {"gfx::rotary_embedding", "gfx::silu_and_mul"}  # which inductor fuses, unless told not to


@dataclass
class Done:
    """What the engines answered, by name, and transformers' tokens without and with the adapter."""

    answers: dict[str, engine.Answers]
    plain: list[list[int]]
    adapted: list[list[int]]

    def of(self, name: str) -> engine.Answers:
        """An engine's answers. Raises AssertionError unless our kernel served every layer."""
        answers = self.answers[name]
        assert not answers.error, answers.error[-6000:]
        rows = [row for row in answers.report if "_proj" in row["layer"]]
        assert len(rows) == 4 and {row["implementation"] for row in rows} == {OURS}
        return answers


def _asks(model: models.Model, lora: Path) -> dict[str, engine.Ask]:
    job = engine.Job(PROMPTS, params={"max_tokens": TOKENS})
    adapted = engine.Job(PROMPTS[:1], params={"max_tokens": ADAPTED}, lora=str(lora))
    asks = {
        name: engine.Ask(str(model.checkpoint), [job], {**LLM, "compilation_config": mode})
        for name, mode in COMPILED.items()
        if COMPILER or mode["backend"] == "eager"
    }
    asks["eager"] = engine.Ask(str(model.checkpoint), [job, job, adapted], {**LLM, **EAGER})
    return asks


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder, lora = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("adapter")
    model = models.gptq(folder)
    asks = _asks(model, lora)
    merged = model.network()
    adapter.merge(merged, lora, STRENGTH)
    env = simulate.environment(
        GFX,
        GFX_KERNELS_IMPLEMENTATION="w4a16_linear=dequantise",
        VLLM_CACHE_ROOT=str(folder / "vllm"),
        TORCHINDUCTOR_CACHE_DIR=str(folder / "inductor"),
    )
    answers = dict(zip(asks, engine.run_all(list(asks.values()), env), strict=True))
    adapted = models.greedy(merged, PROMPTS[:1], ADAPTED)
    return Done(answers, model.greedy(PROMPTS, TOKENS), adapted)


def test_prompts_in_pieces_and_from_the_prefix_cache(done: Done) -> None:
    eager = done.of("eager")
    assert (eager.mode, eager.traced) == ("eager", 0)
    assert eager.tokens[:2] == [done.plain, done.plain]
    assert sum(eager.cached[0]) == 0 and sum(eager.cached[1]) > 0


def test_an_adapter(done: Done) -> None:
    assert done.of("eager").tokens[2] == done.adapted
    assert done.adapted[0] != done.plain[0][:ADAPTED], "the adapter must change something"


@pytest.mark.parametrize("name", COMPILED)
def test_compiled(done: Done, name: str) -> None:
    by_inductor = COMPILED[name]["backend"] == "inductor"
    if by_inductor and not COMPILER:
        # Neither the package nor its users have one, so neither need a machine that tests it.
        pytest.skip("no C++ compiler here, which inductor calls for the CPU")
    answers = done.of(name)
    # Two pieces of one graph: what comes before attention, and what comes after it.
    assert (answers.mode, answers.traced) == ("compile", 1)
    assert answers.compiled == (2 if by_inductor else 0)
    assert answers.tokens == done.of("eager").tokens[:1]
    served = {row["implementation"] for row in answers.report}
    assert served & LAYERS == (set() if name == "inductor" else LAYERS)
