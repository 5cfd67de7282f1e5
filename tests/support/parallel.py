"""Data parallel: two engines behind one client, which shares requests out."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support import child
from tests.support.engine import Answers

Tokens = list[int]


def data_parallel(
    model: Path, prompts: list[Tokens], steps: int, env: dict[str, str], llm: dict[str, Any]
) -> Answers:
    """Greedy tokens of `prompts`, all at once, by `data_parallel_size=2` in a child process.

    `tokens` of one job; `reports` of both engines. Raises AssertionError with the end of the
    child's output.
    """
    request = {"model": str(model), "llm": llm, "prompts": prompts, "steps": steps}
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "asked.json"), Path(folder, "answered.json")
        asked.write_text(json.dumps(request), encoding="utf-8")
        child.run(["-m", "tests.support.parallel", str(asked), str(answered)], env)
        return Answers(**json.loads(answered.read_text(encoding="utf-8")))


async def _generate(request: dict[str, Any]) -> dict[str, Any]:
    from vllm import SamplingParams
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    args = AsyncEngineArgs(model=request["model"], data_parallel_size=2, **request["llm"])
    engine = AsyncLLM.from_engine_args(args)
    params = SamplingParams(
        temperature=0.0, max_tokens=request["steps"], ignore_eos=True, detokenize=False
    )

    async def one(i: int, ids: Tokens) -> Tokens:
        # The rank is said, so that both work however quick the first is.
        stream = engine.generate(
            {"prompt_token_ids": ids}, params, str(i), data_parallel_rank=i % 2
        )
        outputs = [output async for output in stream]
        return list(outputs[-1].outputs[0].token_ids)

    try:
        rows = await asyncio.gather(*(one(i, ids) for i, ids in enumerate(request["prompts"])))
        # `collective_rpc` gives the first engine's answer only.
        asked = ("collective_rpc", "gfx_report", None, (), None)
        engines = await engine.engine_core.call_utility_all_async(*asked)
        reports = [report for workers in engines for report in workers]
        return {"tokens": [rows], "reports": reports}
    finally:
        engine.shutdown()


def _child(asked: str, answered: str) -> None:
    request = json.loads(Path(asked).read_text(encoding="utf-8"))
    Path(answered).write_text(json.dumps(asyncio.run(_generate(request))), encoding="utf-8")


if __name__ == "__main__":
    _child(*sys.argv[1:])
