"""Runs vLLM engines for tests, each in a fresh process, so that no test inherits another's state.

answers = engine.run(model, [engine.Job(prompts)], dtype="float32")
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Tokens = list[int]


@dataclass
class Job:
    """Prompts as token ids, given to the engine at once or `one_by_one`; greedy unless told."""

    prompts: list[Tokens]
    one_by_one: bool = False
    params: dict[str, Any] = field(default_factory=dict)
    lora: str | None = None


@dataclass
class Answers:
    """Per job, per prompt: the new token ids and how many prompt tokens came from the cache."""

    tokens: list[list[Tokens]]
    cached: list[list[int]]
    logprobs: list[list[Any]]
    report: list[dict[str, str]]


def run(
    model: Path,
    jobs: Sequence[Job],
    env: dict[str, str] | None = None,
    **llm: Any,
) -> Answers:
    """Start `LLM(model, **llm)` in a child process and do `jobs` in order.

    Raises AssertionError with the end of the child's output if it fails.
    """
    request = {"model": str(model), "llm": llm, "jobs": [asdict(job) for job in jobs]}
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "request.json"), Path(folder, "answer.json")
        asked.write_text(json.dumps(request), encoding="utf-8")
        child = subprocess.run(
            [sys.executable, __file__, str(asked), str(answered)],
            env={**os.environ, "VLLM_ENABLE_V1_MULTIPROCESSING": "0", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert child.returncode == 0, child.stdout[-6000:]
        return Answers(**json.loads(answered.read_text(encoding="utf-8")))


def _generate(engine: Any, job: dict[str, Any]) -> list[Any]:
    from vllm import SamplingParams
    from vllm.lora.request import LoRARequest

    defaults = {"temperature": 0.0, "max_tokens": 64, "ignore_eos": True, "detokenize": False}
    params = SamplingParams(**{**defaults, **job["params"]})
    lora = LoRARequest("adapter", 1, job["lora"]) if job["lora"] else None
    prompts = [{"prompt_token_ids": ids} for ids in job["prompts"]]
    batches = [[p] for p in prompts] if job["one_by_one"] else [prompts]
    found = []
    for batch in batches:
        found += engine.generate(batch, params, lora_request=lora, use_tqdm=False)
    return found


def _logprobs(output: Any) -> Any:
    steps = output.outputs[0].logprobs or []
    return [{str(t): p.logprob for t, p in step.items()} for step in steps]


def _child(asked: str, answered: str) -> None:
    from vllm import LLM

    request = json.loads(Path(asked).read_text(encoding="utf-8"))
    engine = LLM(request["model"], **request["llm"])
    done = [_generate(engine, job) for job in request["jobs"]]
    answers = Answers(
        tokens=[[list(o.outputs[0].token_ids) for o in outputs] for outputs in done],
        cached=[[o.num_cached_tokens or 0 for o in outputs] for outputs in done],
        logprobs=[[_logprobs(o) for o in outputs] for outputs in done],
        report=engine.collective_rpc("gfx_report")[0],
    )
    Path(answered).write_text(json.dumps(asdict(answers)), encoding="utf-8")


if __name__ == "__main__":
    _child(*sys.argv[1:])
