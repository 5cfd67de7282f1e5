"""Steps that run out of memory under asynchronous scheduling, in the model runner of a GPU."""

from __future__ import annotations

import json

import pytest

from tests.engine import out_of_memory_steps as steps
from tests.shims.amd import models, simulate
from tests.support import child, plugin


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    folder = tmp_path_factory.mktemp("steps")
    model, answer = models.llama(folder).checkpoint, folder / "answer.json"
    plugin.write(folder, "small_memory", steps.PLUGIN)
    env = simulate.environment(
        "gfx1100", VLLM_ENABLE_V1_MULTIPROCESSING="1", PYTHONPATH=plugin.path(folder)
    )
    child.run(["-m", steps.__name__, str(model), str(answer)], env)
    found: dict[str, dict[str, object]] = json.loads(answer.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("where", steps.LONG)
def test_the_others_have_the_tokens_they_have_alone(
    rounds: dict[str, dict[str, object]], where: str
) -> None:
    assert rounds[where] == {"tokens": rounds["alone"]["tokens"], "long": "error"}
