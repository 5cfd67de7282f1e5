"""What is true of `vllm-gfx replicas`, asked of tests/windows/programs/replicas.py anywhere."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PROGRAM = Path(__file__).resolve().parents[1] / "windows" / "programs" / "replicas.py"
PATIENCE_SECONDS = 30.0
PIECE_SECONDS = 0.1
COMPLETIONS = "/v1/completions"


def until(met: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not met():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.05)


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

    def stream(self, path: str = COMPLETIONS, **asked: Any) -> list[tuple[float, str]]:
        """The lines of an answer, and after how many seconds each came."""
        started, lines = time.monotonic(), []
        with closing(self.connect(path, {"stream": True, **asked})) as answer:
            for line in answer:
                if line.strip():
                    lines.append((time.monotonic() - started, line.decode().strip()))
        return lines

    def whole(self, path: str, asked: Any) -> bytes:
        with closing(self.connect(path, asked)) as answer:
            return answer.read()  # unlike line by line it notices that the end is missing

    def each(self, key: str) -> list[Any]:
        return [row[key] for row in self.get("/replicas")]


def engines(processes: Sequence[psutil.Process]) -> int:
    """How many of them are what `multiprocessing` started, which there is one of in a replica."""
    return sum("spawn_main" in " ".join(process.cmdline()) for process in processes)


def check_answers(client: Client) -> None:
    """Each replica sees its GPU; answers come as they are, streams piece by piece."""
    seen = [client.get(f"/replicas/{n}/v1/models")["seen"] for n in (0, 1)]
    assert seen == [{"HIP_VISIBLE_DEVICES": "0"}, {"HIP_VISIBLE_DEVICES": "1"}]
    told = client.get("/v1/models")
    assert told["argv"][0] == "serve" and not told["input"], "what its children inherit is empty"
    with closing(client.connect("/nothing")) as answer:
        assert answer.status == 404
    lines = client.stream(pieces=5, seconds=PIECE_SECONDS)
    assert [text for _, text in lines] == [f"data: {n}" for n in range(5)]
    assert lines[-1][0] - lines[0][0] > 2 * PIECE_SECONDS, "it came in one piece"


def check_sharing(client: Client) -> None:
    """Requests are shared out; whoever hangs up ends his own."""
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(client.stream, pieces=8, seconds=PIECE_SECONDS) for _ in range(4)]
        until(lambda: client.each("in_flight") == [2, 2], "they are shared out")
        assert [len(one.result()) for one in asked] == [8] * 4
    assert client.each("in_flight") == [0, 0]
    silent = {"pieces": 2, "seconds": 1000}  # so that nothing is sent to who went away
    with closing(client.connect(COMPLETIONS, silent)) as cut:
        assert cut.readline()
        assert sum(client.each("in_flight")) == 1
    until(lambda: client.each("in_flight") == [0, 0], "the proxy hears that the client went away")
    until(lambda: _hung_up(client) == [0, 1], "and the replica does")


def _hung_up(client: Client) -> list[int]:
    return sorted(client.get(f"/replicas/{n}/v1/models")["hung up"] for n in (0, 1))


def check_death(client: Client) -> None:
    """The first is killed: its requests end with an error, the other's go on."""
    first, other = (f"/replicas/{n}{COMPLETIONS}" for n in (0, 1))
    long = {"pieces": 20, "seconds": PIECE_SECONDS}
    with ThreadPoolExecutor() as pool:
        stream, kept = (pool.submit(client.stream, path, **long) for path in (first, other))
        plain = pool.submit(client.whole, first, long)
        until(lambda: client.each("in_flight") == [2, 1], "they run")
        time.sleep(2 * PIECE_SECONDS)  # so that each has begun to answer
        assert client.post(first, {"pieces": 1, "dies_after": 0}) == 503
        *pieces, (_, last) = stream.result()
        assert pieces and "ended before this request was finished; send it again" in last
        assert isinstance(plain.exception(), (http.client.HTTPException, ConnectionError))
        assert len(kept.result()) == 20
    until(lambda: client.each("alive") == [False, True], "it is taken out")
    assert client.post(first) == 404
    assert [len(client.stream(pieces=2)) for _ in range(2)] == [2, 2]
