"""A step runs out of memory: one request gets an error, the others their tokens, nothing ends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest
import vllm.v1.engine.core  # noqa: F401 - tells the shim that an engine may run here
from vllm_gfx.engine import survive_out_of_memory

from tests.serve.server import NAME, Server
from tests.support import plugin
from tests.support.held import Held
from tests.support.polling import until

LIMIT = 300  # tokens of a step; more is too much memory for the engine below
OTHERS = 140  # tokens of each of two requests, which start again in one step
# A plug-in that makes steps fail where a GPU's would: in the model, after the runner's bookkeeping.
PLUGIN = f"""
def register():
    import torch
    from vllm.v1.worker.gpu_model_runner import GPUModelRunner

    original = GPUModelRunner._model_forward

    def forward(self, input_ids=None, *args, **kwargs):
        if input_ids is not None and len(input_ids) > {LIMIT} and self.requests:
            raise torch.OutOfMemoryError("HIP out of memory. Tried to allocate 2.00 GiB.")
        return original(self, input_ids, *args, **kwargs)

    GPUModelRunner._model_forward = forward
"""


@pytest.fixture
def small_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines of this test have the plug-in."""
    plugin.install(tmp_path, "small_memory", PLUGIN, monkeypatch)


def _ask(server: Server, tokens: int) -> str:
    answer = server.client().completions.create(
        model=NAME,
        prompt="import",
        max_tokens=tokens,
        temperature=0,
        extra_body={"ignore_eos": True},
    )
    assert answer.usage is not None and answer.usage.completion_tokens == tokens
    return answer.choices[0].text


def test_one_request_fails_and_the_others_finish(
    small_memory: None, held: Held, start: Callable[..., Server]
) -> None:
    server = start("--no-enable-prefix-caching")
    server.wait_ready()
    alone = _ask(server, OTHERS)
    with ThreadPoolExecutor() as pool:
        with held.slow_steps():  # or the others may be over before the long request comes
            others = [pool.submit(_ask, server, OTHERS) for _ in range(2)]
            until(lambda: server.running() == 2, "the others are running")
            too_long = [5] * (LIMIT + 1)
            with pytest.raises(openai.InternalServerError) as told:
                server.client().completions.create(model=NAME, prompt=too_long, max_tokens=9)
        assert told.value.status_code == 500
        assert [other.result() for other in others] == [alone, alone]
    assert f"out of memory in a step of {LIMIT + 3} tokens" in server.output()
    assert "the other 2 start again" in server.output()
    assert _ask(server, 20) == _ask(server, 20)
    assert server.stop() == 0, server.output()[-4000:]


def test_still_needed() -> None:
    """When this fails, upstream knows the error: try without the shim, and delete it."""
    assert survive_out_of_memory.needed()
