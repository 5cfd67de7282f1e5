"""A client that goes away in the middle of a stream."""

from __future__ import annotations

import openai

from tests.serve.server import NAME, Running
from tests.support.polling import until_equal

TOKENS = 900  # far more than are generated before the client is gone


def test_its_request_is_aborted(server: Running, client: openai.OpenAI) -> None:
    generated = server.metric("vllm:generation_tokens_total")
    stream = client.completions.create(
        model=NAME,
        prompt="import",
        max_tokens=TOKENS,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    next(iter(stream))
    assert server.running() == 1
    stream.close()
    until_equal(server.running, 0, "the abandoned request stops running")
    assert server.metric("vllm:generation_tokens_total") - generated < TOKENS
    answer = client.completions.create(model=NAME, prompt="import", max_tokens=4)
    assert answer.choices[0].text
