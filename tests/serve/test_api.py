"""The server's API, through the real `openai` client."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import openai
import psutil
import pytest

from tests.serve.server import KEY, NAME, Running, Server, command
from tests.support.polling import PATIENCE_SECONDS

PROMPT = "def main(argv=None):\n    "
GREEDY: dict[str, Any] = {"model": NAME, "temperature": 0.0}
MESSAGES: list[Any] = [{"role": "user", "content": "What does os.path.join return?"}]


def test_models(client: openai.OpenAI) -> None:
    assert [(m.id, m.owned_by) for m in client.models.list()] == [(NAME, "vllm")]


def test_a_second_server_on_its_port_is_refused_and_harms_nothing(
    server: Running, client: openai.OpenAI, model: Path
) -> None:
    argv = [command(), "serve", str(model), "--port", str(server.port)]
    second = subprocess.run(argv, capture_output=True, text=True)
    (line,) = second.stderr.splitlines()
    assert second.returncode == 2 and f"port {server.port} of 127.0.0.1 is in use" in line
    assert [m.id for m in client.models.list()] == [NAME]


def test_completion(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        prompt=PROMPT, max_tokens=16, extra_body={"ignore_eos": True}, **GREEDY
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].text.strip()
    assert answer.usage and answer.usage.completion_tokens == 16


def test_chat_plain_and_streamed_say_the_same(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"messages": MESSAGES, "max_tokens": 200, **GREEDY}
    plain = client.chat.completions.create(**asked)
    chunks = list(
        client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **asked)
    )
    pieces = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(pieces) == plain.choices[0].message.content
    assert sum(map(bool, pieces)) > 1, "it came in one piece"
    assert chunks[-1].usage == plain.usage


def test_sixteen_at_once_answer_as_one_by_one(server: Running, client: openai.OpenAI) -> None:
    questions = [f"Item {i}: " + "import os\n" * (i % 5) for i in range(16)]

    def asked(question: str) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": question}], "max_tokens": 12, **GREEDY}

    async def at_once() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as many:
            calls = (many.chat.completions.create(**asked(q)) for q in questions)
            return await asyncio.gather(*calls)

    together = [a.choices[0].message.content for a in asyncio.run(at_once())]
    alone = [client.chat.completions.create(**asked(q)) for q in questions]
    assert together == [a.choices[0].message.content for a in alone]


def test_logprobs(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        messages=MESSAGES, max_tokens=5, logprobs=True, top_logprobs=3, **GREEDY
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs and logprobs.content and len(logprobs.content) == 5
    for step in logprobs.content:
        top = [candidate.logprob for candidate in step.top_logprobs]
        assert len(top) == 3 and top == sorted(top, reverse=True)
        assert step.logprob == top[0] <= 0.0, "greedy takes the likeliest token"


def test_stop_string_is_cut_off(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"prompt": PROMPT, "max_tokens": 32, **GREEDY}
    whole = client.completions.create(**asked).choices[0].text
    stop = whole[len(whole) // 2 :][:3]
    stopped = client.completions.create(stop=[stop], **asked).choices[0]
    assert stopped.finish_reason == "stop"
    assert stopped.text == whole[: whole.index(stop)]


SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["module", "class", "function"]},
        "public": {"type": "boolean"},
        "name": {"type": "string", "pattern": "^[a-z]{3,8}$"},
        "sizes": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 99},
            "minItems": 2,
            "maxItems": 3,
        },
    },
    "required": ["kind", "public", "name", "sizes"],
    "additionalProperties": False,
}


def _against_blanks(model: Path) -> dict[str, int]:
    """A bias against tokens of blanks alone: JSON allows them without end, and so a tiny model."""
    tokenizer = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    blanks = "\u0120\u010a\u0109\u010d"  # how byte-level BPE writes space, \n, \t and \r
    vocabulary = tokenizer["model"]["vocab"].items()
    return {str(number): -100 for token, number in vocabulary if not token.strip(blanks)}


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_structured_output_fits_its_schema(
    client: openai.OpenAI, model: Path, temperature: float
) -> None:
    answer = client.chat.completions.create(
        model=NAME,
        messages=MESSAGES,
        temperature=temperature,
        seed=7,
        max_tokens=200,
        logit_bias=_against_blanks(model),
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
    )
    assert answer.choices[0].finish_reason == "stop"
    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), SCHEMA)


def test_tokenize_and_back(server: Running) -> None:
    def post(path: str, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {KEY}"}
        asked = {"model": NAME, **body}
        found: dict[str, Any] = httpx.post(
            f"{server.url}/{path}", json=asked, headers=headers, timeout=PATIENCE_SECONDS
        ).json()
        return found

    split = post("tokenize", prompt=PROMPT, add_special_tokens=False)
    assert split["count"] == len(split["tokens"]) > 1
    assert post("detokenize", tokens=split["tokens"])["prompt"] == PROMPT


def test_metrics_count_what_was_generated(server: Running, client: openai.OpenAI) -> None:
    before = server.metric("vllm:generation_tokens_total")
    client.completions.create(
        prompt=PROMPT, max_tokens=9, extra_body={"ignore_eos": True}, **GREEDY
    )
    assert server.metric("vllm:generation_tokens_total") == before + 9


@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_the_api_key_nothing_is_served(server: Running, key: str | None) -> None:
    stranger = server.client(key or "none")
    headers = {} if key else {"Authorization": openai.omit}
    with pytest.raises(openai.AuthenticationError) as refused:
        stranger.models.list(extra_headers=headers)
    assert refused.value.status_code == 401
    with pytest.raises(openai.AuthenticationError):
        stranger.completions.create(prompt="a", extra_headers=headers, **GREEDY)


def test_a_wrong_request_is_the_clients_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="another"):
        client.completions.create(model="another", prompt="a")
    with pytest.raises(openai.BadRequestError, match="1024"):
        client.completions.create(prompt="a", max_tokens=5000, **GREEDY)


def test_listens_on_loopback_only(server: Server) -> None:
    server.note_family()
    listening = {
        connection.laddr
        for process in server.family
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert server.port in {address.port for address in listening}
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}
