"""N-gram speculation on a simulated card: Triton's kernels propose tokens and judge them.

So nothing here needs numba, which vLLM would propose with on a processor, and which the package
does not require. The cpu target refuses speculation (tests/shims/test_cpu_platform.py).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vllm_gfx.platform import speculation
from vllm_gfx.refusal import Refusal

from tests.shims.amd import models, simulate

NGRAM = {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 3}
# One that repeats itself, as its answer does; the other crosses a KV block (16 tokens).
PROMPTS = [[5, 6, 7, 8, 9, 5, 6, 7, 8, 9, 5, 6, 7], list(range(40, 59))]
TOKENS = 12


def test_numba_is_not_there() -> None:
    """Or the other test does not show that it is not needed."""
    assert find_spec("numba") is None


def test_tokens_are_those_without_it(tmp_path: Path) -> None:
    model = str(models.llama(tmp_path).checkpoint)
    llm = {"dtype": "float32", "disable_log_stats": False}
    plain, speculating = simulate.run(
        simulate.GFX[0],
        [
            simulate.Run(model, PROMPTS, TOKENS, llm),
            simulate.Run(model, PROMPTS, TOKENS, {**llm, "speculative_config": NGRAM}),
        ],
    )
    assert not (plain.error or speculating.error), plain.error + speculating.error
    assert speculating.tokens == plain.tokens
    assert plain.accepted == 0 < speculating.accepted, "it proposes, and some are right"


def _config(method: str, newer: bool) -> Any:
    asked = SimpleNamespace(method=method)
    return SimpleNamespace(speculative_config=asked, use_v2_model_runner=newer)


@pytest.mark.parametrize("asked", [None, "0"], ids=["by itself", "asked for"])
def test_the_older_runner_needs_numba(asked: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speculation, "find_spec", lambda name: None)
    monkeypatch.delenv("VLLM_USE_V2_MODEL_RUNNER", raising=False)
    if asked:
        monkeypatch.setenv("VLLM_USE_V2_MODEL_RUNNER", asked)
    with pytest.raises(Refusal, match=r"needs numba with vLLM's older.*`pixi add numba`$") as told:
        speculation.check(_config("ngram", newer=False))
    assert ("unset VLLM_USE_V2_MODEL_RUNNER" in str(told.value)) == bool(asked)


def test_nothing_else_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speculation, "find_spec", lambda name: None)
    speculation.check(SimpleNamespace(speculative_config=None))
    speculation.check(_config("ngram", newer=True))
    speculation.check(_config("eagle", newer=False))
    monkeypatch.setattr(speculation, "find_spec", lambda name: "a module")
    speculation.check(_config("ngram", newer=False))


_CONFIGURED = """
from vllm.engine.arg_utils import EngineArgs
from pydantic import ValidationError
sizes = {{"dtype": "float32", "max_model_len": 64}}
engine = EngineArgs(model={model!r}, speculative_config={asked!r}, **sizes)
try:
    engine.create_engine_config()
except ValidationError as error:
    answer = str(error)
else:
    answer = ""
"""


@pytest.mark.parametrize("newer", ["0", "1"])
def test_it_is_refused_with_the_configuration(newer: str, tmp_path: Path) -> None:
    model = str(models.llama(tmp_path).checkpoint)
    code = _CONFIGURED.format(model=model, asked=NGRAM)
    told = simulate.ask(simulate.GFX[0], code, VLLM_USE_V2_MODEL_RUNNER=newer)
    assert told == "" if newer == "1" else "n-gram speculation needs numba" in told
