"""`LLM.generate` on Windows Python gives the tokens that Linux gives here, in float32."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.support import engine
from tools import paths, prefix
from tools.generations import active
from tools.trial import environment
from tools.variants import REFERENCE
from tools.windows import run, wine

EXPECTED = paths.ROOT / "tests" / "gpu" / "expected.json"  # it has prompts as token ids
MODELS = "share/vllm-gfx-tinylm"
COPIES = ("fp", "gptq-g128", "awq-g128")
SETTINGS = {"dtype": "float32", "max_model_len": 512, "max_num_seqs": 8, "seed": 0}
TOKENS = 48
MODULE = ("-m", "tests.support.engine")
IN_PROCESS = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
SECONDS = 420


def _asks(folder: str) -> str:
    """One engine for each copy, all in one process: eight prompts at once, then two alone."""
    prompts = json.loads(EXPECTED.read_text(encoding="utf-8"))["prompts"]
    params = {"max_tokens": TOKENS}
    jobs = [engine.Job(prompts[:8], params=params), engine.Job(prompts[8:10], True, params)]
    return json.dumps([asdict(engine.Ask(f"{folder}/{c}", jobs, SETTINGS)) for c in COPIES])


@dataclass
class Both:
    windows: list[engine.Answers]
    linux: list[engine.Answers]


def _on_windows(folder: Path) -> list[engine.Answers]:
    models = wine.windows_path(run.python().parent / MODELS)
    asked, answered = folder / "asked.json", folder / "answered.json"
    asked.write_text(_asks(models), encoding="utf-8")
    command = [*MODULE, wine.windows_path(asked), wine.windows_path(answered)]
    env = {**IN_PROCESS, "HF_HUB_OFFLINE": "1"}
    done = run.run(command, env, paths.ROOT, SECONDS)
    return _answers(done, answered)


def _on_linux(folder: Path) -> list[engine.Answers]:
    where = active(REFERENCE)
    asked, answered = folder / "asked.json", folder / "answered.json"
    asked.write_text(_asks(str(where / MODELS)), encoding="utf-8")
    command = [str(prefix.python_of(where)), *MODULE, str(asked), str(answered)]
    env = environment(where) | IN_PROCESS | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=env, cwd=paths.ROOT, timeout=SECONDS
    )
    return _answers(done, answered)


def _answers(done: subprocess.CompletedProcess[str], answered: Path) -> list[engine.Answers]:
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found = [engine.Answers(**one) for one in json.loads(answered.read_text(encoding="utf-8"))]
    assert not any(one.error for one in found), found
    return found


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Both:
    windows, linux = (tmp_path_factory.mktemp(name) for name in ("windows", "linux"))
    return Both(_on_windows(windows), _on_linux(linux))


@pytest.mark.parametrize("copy", COPIES)
def test_the_same_tokens(answers: Both, copy: str) -> None:
    here, there = (side[COPIES.index(copy)] for side in (answers.windows, answers.linux))
    assert [len(tokens) for job in here.tokens for tokens in job] == [TOKENS] * 10
    assert here.tokens == there.tokens


def test_the_same_kernels_served(answers: Both) -> None:
    for here, there in zip(answers.windows, answers.linux, strict=True):
        assert here.reports == there.reports


def test_quantised_copies_are_served_by_our_kernel(answers: Both) -> None:
    for found in answers.windows[1:]:
        linear = {r["implementation"] for r in found.reports[0] if r["kind"] == "linear"}
        assert any("W4A16" in name for name in linear), linear
