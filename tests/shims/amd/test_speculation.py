"""N-gram speculation on a simulated card: Triton's kernels propose tokens and judge them.

So nothing here needs numba, which vLLM would propose with on a processor, and which the package
does not require. The cpu target refuses speculation (tests/shims/test_cpu_platform.py).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from vllm_gfx.platform import speculation

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


@pytest.mark.parametrize("method", ["ngram", "eagle"])
@pytest.mark.parametrize("newer", [True, False])
@pytest.mark.parametrize("numba", [None, "a module"])
def test_only_the_older_runner_needs_numba(
    method: str, newer: bool, numba: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speculation, "find_spec", lambda name: numba)
    asked = SimpleNamespace(method=method)
    config = SimpleNamespace(speculative_config=asked, use_v2_model_runner=newer)
    if (method, newer, numba) == ("ngram", False, None):
        with pytest.raises(ValueError, match=r"unset VLLM_USE_V2_MODEL_RUNNER.*pixi add numba"):
            speculation.check(config)
    else:
        speculation.check(config)


def test_the_older_runner_is_refused_before_it_starts(tmp_path: Path) -> None:
    model = str(models.llama(tmp_path).checkpoint)
    ask = simulate.Run(model, PROMPTS, TOKENS, {"dtype": "float32", "speculative_config": NGRAM})
    (refused,) = simulate.run(simulate.GFX[0], [ask], VLLM_USE_V2_MODEL_RUNNER="0")
    assert "n-gram speculation needs numba" in refused.error and "EngineCore" not in refused.error
