"""What is true of `vllm-gfx replicas`, asked of tests/windows/programs/replicas.py anywhere."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.polling import PATIENCE_SECONDS, until_equal

PROGRAM = Path(__file__).resolve().parents[1] / "windows" / "programs" / "replicas.py"
MAY_LISTEN = "GFX_TESTS_MAY_LISTEN"  # of PROGRAM
COMPLETIONS = "/v1/completions"


@dataclass(frozen=True)
class Client:
    """Of the one address."""

    port: int

    def connect(self, path: str, asked: Any = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        body = None if asked is None else json.dumps(asked)
        close = {"Connection": "close"}  # then the answer owns the socket
        connection.request("GET" if body is None else "POST", path, body, close)
        return connection.getresponse()

    def get(self, path: str) -> Any:
        with closing(self.connect(path)) as answer:
            assert answer.status == 200, answer.read()
            return json.load(answer)

    def post(self, path: str, asked: Any = None) -> int:
        with closing(self.connect(path, asked or {})) as answer:
            return answer.status

    def begin(self, path: str = COMPLETIONS, **asked: Any) -> http.client.HTTPResponse:
        """A stream whose first piece has come; the others wait for `release`."""
        answer = self.connect(path, {"stream": True, "held": True, **asked})
        assert answer.readline() == b"data: 0\n"
        return answer

    def release(self, *replicas: int) -> None:
        for number in replicas:
            assert self.post(f"/replicas/{number}/go") == 200

    def each(self, key: str) -> list[Any]:
        return [row[key] for row in self.get("/replicas")]


def rest(answer: http.client.HTTPResponse) -> list[str]:
    """The lines that are still to come."""
    with closing(answer):
        return [line.decode().strip() for line in answer if line.strip()]


def engines(processes: Sequence[psutil.Process]) -> int:
    """How many of them are what `multiprocessing` started, which there is one of in a replica."""
    return sum("spawn_main" in " ".join(_command(process)) for process in processes)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # it has just ended
        return []


def check_answers(client: Client) -> None:
    """Each replica sees its GPU; answers come as they are, streams piece by piece."""
    seen = [client.get(f"/replicas/{n}/v1/models")["seen"] for n in (0, 1)]
    assert seen == [{"HIP_VISIBLE_DEVICES": "0"}, {"HIP_VISIBLE_DEVICES": "1"}]
    told = client.get("/v1/models")
    assert told["argv"][0] == "serve" and not told["input"], "what its children inherit is empty"
    with closing(client.connect("/nothing")) as answer:
        assert answer.status == 404
    answer = client.begin(pieces=5)
    client.release(0, 1)
    assert rest(answer) == [f"data: {n}" for n in range(1, 5)]


def check_sharing(client: Client) -> None:
    """Requests are shared out; whoever hangs up ends his own."""
    asked = [client.begin(pieces=8) for _ in range(4)]
    assert client.each("in_flight") == [2, 2]
    client.release(0, 1)
    assert [len(rest(one)) for one in asked] == [7] * 4
    until_equal(lambda: client.each("in_flight"), [0, 0], "they are over")
    with closing(client.begin(pieces=2)):  # nothing is sent to who goes away
        assert sum(client.each("in_flight")) == 1
    until_equal(lambda: client.each("in_flight"), [0, 0], "the proxy hears that he hung up")
    until_equal(lambda: _hung_up(client), [0, 1], "and the replica does")


def _hung_up(client: Client) -> list[int]:
    return sorted(client.get(f"/replicas/{n}/v1/models")["hung up"] for n in (0, 1))


def check_death(client: Client) -> None:
    """The first is killed: its requests end with an error, the other's go on."""
    first, other = (f"/replicas/{n}{COMPLETIONS}" for n in (0, 1))
    stream, kept = (client.begin(path, pieces=20) for path in (first, other))
    plain = client.connect(first, {"pieces": 20, "held": True})  # it has begun to answer too
    assert client.each("in_flight") == [2, 1]
    assert client.post(first, {"pieces": 1, "dies_after": 0}) == 503
    (last,) = rest(stream)
    assert "ended before this request was finished; send it again" in last
    with closing(plain), pytest.raises((http.client.HTTPException, ConnectionError)):
        plain.read()  # unlike line by line it notices that the end is missing
    client.release(1)
    assert len(rest(kept)) == 19
    until_equal(lambda: client.each("alive"), [False, True], "it is taken out")
    assert client.post(first) == 404
    assert [client.post(COMPLETIONS, {"pieces": 2}) for _ in range(2)] == [200, 200]
