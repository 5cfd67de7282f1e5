"""The processes of `vllm-gfx replicas`, with a light program in the place of vLLM's servers.

What is asked of them on Windows too (tests/windows/test_replicas.py), and what needs Unix to ask.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import pytest
from vllm_gfx.parallel import family
from vllm_gfx.parallel.replica import Replica

from tests.support import output, replicas, tinylm
from tests.support.child import runs
from tests.support.polling import until, until_equal
from tools.free_port import free_port

PIPE = 1 << 16


def _command(port: int, *flags: str) -> list[str]:
    model = str(tinylm.copy(tinylm.ORIGINAL))
    return [sys.executable, str(replicas.PROGRAM), model, "--port", str(port), *flags]


@dataclass
class Command:
    """It runs, its output is in a file."""

    process: subprocess.Popen[bytes]
    log: Path
    client: replicas.Client
    seen: set[psutil.Process] = field(default_factory=set)

    def output(self) -> str:
        return self.log.read_text(encoding="cp1252")

    def family(self) -> list[psutil.Process]:
        """Of all its processes that were there at one of these calls those that run."""
        if self.process.poll() is None:
            self.seen |= set(psutil.Process(self.process.pid).children(recursive=True))
        return [process for process in self.seen if runs(process)]

    def ends(self) -> int:
        """With this code; nothing is left and nothing was unforeseen."""
        code = self.process.wait(replicas.PATIENCE_SECONDS)
        until(lambda: not self.family(), "its processes end")
        output.check_lacks(self.output(), "Traceback")
        return code


@contextmanager
def _started(log: Path, *flags: str) -> Iterator[Command]:
    port = free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(_command(port, *flags), stdout=out, stderr=out)
    command = Command(process, log, replicas.Client(port))
    try:
        until(lambda: process.poll() is not None or "behind http" in command.output(),
                       "it listens")  # fmt: skip
        assert process.poll() is None, output.end(command.output())
        command.family()
        yield command
    finally:
        for one in [*command.family(), process]:
            one.kill()
        process.wait()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Command]:
    with _started(tmp_path / "log", "--shutdown-timeout", "60") as command:
        yield command


def test_they_share_the_requests_until_they_are_stopped(two: Command) -> None:
    assert "[0] \\u2588 für Windows" in two.output()
    assert replicas.engines(two.family()) == 2
    replicas.check_answers(two.client)
    replicas.check_sharing(two.client)
    replicas.check_death(two.client)
    until_equal(lambda: replicas.engines(two.family()), 1, "its engine ends")
    last = two.client.begin(pieces=10)
    assert two.client.each("in_flight") == [0, 1]
    two.process.send_signal(signal.SIGTERM)
    assert len(replicas.rest(last)) == 9
    assert two.ends() == 0, output.end(two.output())
    assert "replica 1 (GPU 1) ended with code 0; 0 running" in two.output()


def test_one_that_hangs_is_killed(tmp_path: Path) -> None:
    with _started(tmp_path / "log", "--gpus", "0", "--shutdown-timeout", "0") as command:
        assert command.client.post("/replicas/0/deaf") == 200
        command.process.send_signal(signal.SIGINT)
        assert command.ends() == 0, output.end(command.output())
        assert "replica 0 (GPU 0) does not end; it is killed" in command.output()


def test_they_end_with_whoever_started_them(two: Command) -> None:
    two.process.kill()
    assert two.ends() == -signal.SIGKILL


def test_they_go_on_if_nobody_reads_what_they_say(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(_command(port), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout
    (tmp_path / "log").touch()
    command = Command(process, tmp_path / "log", replicas.Client(port))
    try:
        while b"behind" not in process.stdout.readline():
            assert process.poll() is None
        process.stdout.close()
        for path in ("/replicas/0", "/replicas/1"):
            assert command.client.post(f"{path}/loud", {"bytes": 4 * PIPE}) == 200
            assert command.client.post(f"{path}/loud", {"bytes": 4 * PIPE}) == 200
        process.send_signal(signal.SIGTERM)
        command.ends()
    finally:
        for one in [*command.family(), process]:
            one.kill()


def test_a_port_that_another_takes_while_they_load_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Unix alone: two programs may be bound to one port until the first of them listens."""
    port, loaded = free_port(), tmp_path / "loaded"
    monkeypatch.setenv(replicas.MAY_LISTEN, str(loaded))
    with socket.socket() as other, (tmp_path / "log").open("w+") as said:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        process = subprocess.Popen(_command(port), stdout=said, stderr=said)
        try:
            until(lambda: bool(psutil.Process(process.pid).children()), "they load")
            other.bind(("127.0.0.1", port))
            other.listen()
            loaded.touch()
            assert process.wait(replicas.PATIENCE_SECONDS) == 2
        finally:
            process.kill()
        line = (tmp_path / "log").read_text(encoding="cp1252").splitlines()[-1]
    assert line.startswith(f"vllm-gfx replicas: port {port} of 127.0.0.1 is in use; choose"), line


def test_one_that_cannot_start_says_why(tmp_path: Path) -> None:
    """Here they are `vllm-gfx serve` itself, which refuses the model before it imports vLLM."""
    no_tokenizer = shutil.ignore_patterns("tokenizer*", "vocab*")
    model = shutil.copytree(tinylm.copy(tinylm.ORIGINAL), tmp_path / "model", ignore=no_tokenizer)
    command = [sys.executable, "-c", "from vllm_gfx import cli; cli.main()", "replicas", str(model)]
    command += ["--count", "2", "--port", str(free_port())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert f"] vllm-gfx serve: {model} holds no tokenizer" in done.stdout, done.stdout
    assert done.stderr == "vllm-gfx replicas: one did not start; its reason is above\n"


async def _ready_after_itself() -> bool:
    """The first connection reads its own request, as one does that TCP connected to itself."""
    answers = [b"GET /health HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answers.pop(0))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aiohttp.ClientSession() as session:
        return await Replica(0, port=port).wait_ready(session)


def test_a_connection_to_itself_is_not_the_replica() -> None:
    assert asyncio.run(_ready_after_itself())


@dataclass
class _Process:
    """What psutil tells about one on a simulated Windows; it cannot be killed twice."""

    pid: int
    ppid: int
    create_time: float
    killed: list[int]

    @property
    def info(self) -> dict[str, float]:
        return {"ppid": self.ppid, "create_time": self.create_time}

    def kill(self) -> None:
        self.killed.append(self.pid)
        if self.pid == 12:
            raise psutil.AccessDenied(self.pid)


def test_what_a_replica_leaves_behind_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its children and theirs; not a process whose parent had the same number long ago."""
    killed = list[int]()
    made = [(30, 20, 103.0), (11, 10, 50.0), (12, 10, 101.0), (20, 10, 102.0), (40, 1, 104.0)]
    listed = [_Process(*one, killed) for one in made]
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(psutil, "process_iter", lambda _: listed)
    family.end(10, 100.0)
    assert killed == [12, 20, 30]
