"""Runs a simulated card in a fresh process: its engines one after another, or a question about it.

The environment is what `vllm_gfx.early` would set; a process that has imported vLLM cannot change
its platform any more, hence the child.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gfx_kernels import targets

from tests.support.child import ROOT
from tests.support.engine import counted

GFX = tuple(t.name for t in targets.all_targets().values() if "simulated" in t.tests)


@dataclass
class Run:
    """One engine, its prompts as token ids, all at once; `params` (greedy unless they say
    otherwise) are one set for all of them, or one set for each.
    """

    model: str
    prompts: list[list[int]]
    tokens: int = 4
    llm: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] | list[dict[str, Any]] = field(default_factory=dict)


@dataclass
class Result:
    """`error` is the child's traceback where an engine failed; then the rest is empty.

    `accepted`: tokens that speculation had right, of an engine that is asked to keep statistics.
    """

    tokens: list[list[int]] = field(default_factory=list)
    logprobs: list[list[dict[str, float]]] = field(default_factory=list)
    report: list[dict[str, str]] = field(default_factory=list)
    accepted: int = 0
    error: str = ""

    def served(self, kind: str) -> set[str]:
        """The implementations that the report names for the layers of a kind."""
        return {r["implementation"] for r in self.report if r["kind"] == kind}


def environment(gfx: str, **more: str) -> dict[str, str]:
    """The child's environment. Variables whose defaults are under test are taken out of it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VLLM_ROCM", "VLLM_DISABLED"))}
    return {
        **kept,
        "VLLM_GFX_SIMULATE": gfx,
        "TRITON_INTERPRET": "1",
        "HIP_VISIBLE_DEVICES": "",
        "CUDA_VISIBLE_DEVICES": "",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "OMP_NUM_THREADS": "1",
        **more,
    }


def python(gfx: str, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python as the simulated card; the caller looks at the return code and the output."""
    command, env = [sys.executable, *argv], environment(gfx, **env)
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)


def ask(gfx: str, code: str, **env: str) -> Any:
    """What `code` leaves in `answer` (JSON). Raises AssertionError with the child's output."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answer.json")
        ending = (
            f"\nimport json, pathlib\npathlib.Path({str(path)!r}).write_text(json.dumps(answer))"
        )
        child = python(gfx, "-c", code + ending, **env)
        assert child.returncode == 0, child.stdout[-2000:] + child.stderr[-4000:]
        return json.loads(path.read_text(encoding="utf-8"))


def run(gfx: str, runs: Sequence[Run], **env: str) -> list[Result]:
    """Do `runs` in one child process, in order; one that fails does not stop the next."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "asked.json"), Path(folder, "answered.json")
        asked.write_text(json.dumps([asdict(r) for r in runs]), encoding="utf-8")
        module = "tests.shims.amd.simulate"
        child = python(gfx, "-m", module, str(asked), str(answered), **env)
        assert child.returncode == 0, child.stdout[-2000:] + child.stderr[-6000:]
        return [Result(**r) for r in json.loads(answered.read_text(encoding="utf-8"))]


def _generate(engine: Any, run: Run) -> Result:
    from vllm import SamplingParams

    given = {"temperature": 0.0, "max_tokens": run.tokens, "ignore_eos": True, "detokenize": False}
    each = run.params if isinstance(run.params, list) else [run.params] * len(run.prompts)
    params = [SamplingParams(**{**given, **more}) for more in each]
    prompts = [{"prompt_token_ids": ids} for ids in run.prompts]
    outputs = [o.outputs[0] for o in engine.generate(prompts, params, use_tqdm=False)]
    return Result(
        tokens=[list(o.token_ids) for o in outputs],
        logprobs=[
            [{str(t): p.logprob for t, p in step.items()} for step in o.logprobs or []]
            for o in outputs
        ],
        report=engine.collective_rpc("gfx_report")[0],
        accepted=counted(engine, "vllm:spec_decode_num_accepted_tokens"),
    )


def _one(run: Run) -> Result:
    from vllm import LLM
    from vllm.distributed import cleanup_dist_env_and_memory

    settings = {"max_model_len": 64, "max_num_seqs": 4, "kv_cache_memory_bytes": 1 << 22, "seed": 0}
    try:
        engine = LLM(run.model, skip_tokenizer_init=True, **{**settings, **run.llm})
        result = _generate(engine, run)
        del engine
    except Exception:  # noqa: BLE001 - the test that asked for this run shows it
        return Result(error=traceback.format_exc())
    finally:
        gc.collect()
        cleanup_dist_env_and_memory()
    return result


def _child(asked: str, answered: str) -> None:
    runs = [Run(**r) for r in json.loads(Path(asked).read_text(encoding="utf-8"))]
    results = [asdict(_one(run)) for run in runs]
    Path(answered).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    _child(*sys.argv[1:])
