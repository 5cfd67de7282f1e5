"""Runs vLLM engines for tests in child processes, so that no test inherits another's state.

answers = engine.run(model, [engine.Job(prompts)], dtype="float32")

`run` starts one engine in a fresh process; `run_all` several in one process, one after another.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.serve.arguments import KV_CACHE
from tests.support import child

Tokens = list[int]


@dataclass
class Job:
    """Prompts as token ids, given to the engine at once or `one_by_one`; greedy unless `params`,
    one set for all or one for each, say otherwise.
    """

    prompts: list[Tokens]
    one_by_one: bool = False
    params: dict[str, Any] | list[dict[str, Any]] = field(default_factory=dict)
    lora: str | None = None


@dataclass
class Ask:
    """One engine, `LLM(model, **llm)`, and what it is to do, in order."""

    model: str
    jobs: list[Job]
    llm: dict[str, Any] = field(default_factory=dict)


@dataclass
class Answers:
    """Per job, per prompt: the new token ids, how many prompt tokens came from the cache, and
    log-probabilities by token of each new token and, if asked for, of each prompt token.

    `reports`: what served each layer, by worker. `preemptions` is of the engine's life. `mode`: how
    it says it runs, as `vllm_gfx.bench.engine.mode_of` has it. `captured`, `compiled`, `traced`:
    graphs it recorded, pieces inductor made and graphs that Dynamo did, counted in this process, so
    0 of workers in others. `error`: the traceback of an engine that failed.
    """

    tokens: list[list[Tokens]] = field(default_factory=list)
    cached: list[list[int]] = field(default_factory=list)
    logprobs: list[list[Any]] = field(default_factory=list)
    prompt_logprobs: list[list[Any]] = field(default_factory=list)
    reports: list[list[dict[str, str]]] = field(default_factory=list)
    preemptions: int = 0
    mode: str = ""
    captured: int = 0
    compiled: int = 0
    traced: int = 0
    error: str = ""

    @property
    def report(self) -> list[dict[str, str]]:
        """The first worker's."""
        return self.reports[0]


def run(
    model: Path,
    jobs: Sequence[Job],
    env: dict[str, str] | None = None,
    **llm: Any,
) -> Answers:
    """Start `LLM(model, **llm)` in a child process and do `jobs` in order.

    Raises AssertionError with the end of the child's output if it fails.
    """
    (answers,) = run_all([Ask(str(model), list(jobs), llm)], env)
    assert not answers.error, answers.error[-6000:]
    return answers


def run_all(asks: Sequence[Ask], env: dict[str, str] | None = None) -> list[Answers]:
    """Do `asks` in one child process; an engine that fails does not stop the next.

    Raises AssertionError with the end of the child's output if the process ends too early.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "request.json"), Path(folder, "answer.json")
        asked.write_text(json.dumps([asdict(ask) for ask in asks]), encoding="utf-8")
        said = child.run(
            ["-m", "tests.support.engine", str(asked), str(answered)],
            {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", **(env or {})},
        )
        found = json.loads(answered.read_text(encoding="utf-8"))
        for answers in found:
            if answers["error"]:
                answers["error"] = said[-4000:] + answers["error"]
        return [Answers(**answers) for answers in found]


def _generate(engine: Any, job: dict[str, Any]) -> list[Any]:
    from vllm import SamplingParams
    from vllm.lora.request import LoRARequest

    defaults = {"temperature": 0.0, "max_tokens": 64, "ignore_eos": True, "detokenize": False}
    given = job["params"] if isinstance(job["params"], list) else [job["params"]]
    params = [SamplingParams(**{**defaults, **more}) for more in given]
    if len(params) == 1:
        params *= len(job["prompts"])
    lora = LoRARequest("adapter", 1, job["lora"]) if job["lora"] else None
    asked = [({"prompt_token_ids": ids}, p) for ids, p in zip(job["prompts"], params, strict=True)]
    batches = [[one] for one in asked] if job["one_by_one"] else [asked]
    found = []
    for batch in batches:
        prompts, theirs = zip(*batch, strict=True)
        found += engine.generate(list(prompts), list(theirs), lora_request=lora, use_tqdm=False)
    return found


def _logprobs(steps: Any) -> Any:
    """Nothing is known of a prompt's first token."""
    return [{str(t): p.logprob for t, p in (step or {}).items()} for step in steps or []]


def counted(engine: Any, name: str) -> int:
    """A counter of vLLM's; 0 where the engine keeps no statistics."""
    if not engine.llm_engine.log_stats:
        return 0
    return sum(m.value for m in engine.get_metrics() if m.name == name)


def _made() -> tuple[int, int, int]:
    """Graphs recorded, pieces compiled by inductor or loaded from what it compiled before, graphs
    traced.
    """
    from vllm.compilation.counter import compilation_counter as made

    loaded = made.num_compiled_artifacts_loaded + made.num_aot_artifacts_loaded
    pieces = made.num_inductor_compiles + loaded
    return made.num_cudagraph_captured, pieces, made.num_graphs_seen


def _answers(engine: Any, jobs: list[dict[str, Any]]) -> Answers:
    from vllm_gfx.bench.engine import mode_of

    done = [_generate(engine, job) for job in jobs]
    return Answers(
        tokens=[[list(o.outputs[0].token_ids) for o in outputs] for outputs in done],
        cached=[[o.num_cached_tokens or 0 for o in outputs] for outputs in done],
        logprobs=[[_logprobs(o.outputs[0].logprobs) for o in outputs] for outputs in done],
        prompt_logprobs=[[_logprobs(o.prompt_logprobs) for o in outputs] for outputs in done],
        reports=engine.collective_rpc("gfx_report"),
        preemptions=counted(engine, "vllm:num_preemptions"),
        mode=mode_of(engine.llm_engine.vllm_config),
    )


def _sized(llm: dict[str, Any]) -> dict[str, Any]:
    """With a small KV cache, unless `llm` says how large it or the engine is to be."""
    return llm if "gpu_memory_utilization" in llm else {"kv_cache_memory_bytes": KV_CACHE, **llm}


def _one(ask: dict[str, Any]) -> Answers:
    from vllm import LLM

    before = _made()
    try:
        found = _answers(LLM(ask["model"], **_sized(ask["llm"])), ask["jobs"])
        made = (b - a for a, b in zip(before, _made(), strict=True))
        found.captured, found.compiled, found.traced = made
        return found
    except Exception:  # noqa: BLE001 - `run` shows it; other engines of this process go on
        return Answers(error=traceback.format_exc())


def _tidy() -> None:
    """Before another engine of this process: give back what the last one held."""
    from vllm.distributed import cleanup_dist_env_and_memory

    gc.collect()
    cleanup_dist_env_and_memory()


def _child(asked: str, answered: str) -> None:
    found: list[Answers] = []
    for ask in json.loads(Path(asked).read_text(encoding="utf-8")):
        if found:
            _tidy()
        found.append(_one(ask))
    Path(answered).write_text(json.dumps([asdict(a) for a in found]), encoding="utf-8")


if __name__ == "__main__":
    _child(*sys.argv[1:])
