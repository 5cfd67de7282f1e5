"""`vllm-gfx replicas` on Windows Python: two replicas with a light program in vLLM's place.

Two of vLLM's servers would take minutes here; what is vLLM's own of it is in test_serve.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.support import replicas
from tests.windows.server import CONSOLE, Server, until
from tools import paths
from tools.free_port import free_port
from tools.windows import run, wine

SECONDS = 60.0


def _command(port: int, *flags: str) -> list[str]:
    model = run.python().parent / "share" / "vllm-gfx-tinylm" / "fp"
    program = [wine.windows_path(replicas.PROGRAM), wine.windows_path(model)]
    return [*program, "--port", str(port), *flags]


@contextmanager
def _started(*flags: str) -> Iterator[tuple[Server, replicas.Client]]:
    """The command on a console with somebody at its keyboard."""
    port = free_port()
    command = [wine.windows_path(CONSOLE), wine.windows_path(run.python())]
    with run.started([*command, *_command(port, *flags)], cwd=paths.BUILD) as console:
        server = Server(console, Path(), port)
        server.wait_ready()
        yield server, replicas.Client(port)


def _nothing_is_left(server: Server) -> None:
    assert not server.said("Traceback"), server.output()
    until(lambda: not server.processes(), "its processes end", SECONDS)
    assert not server.healthy()


def _refused(port: int) -> str:
    done = run.run(_command(port), cwd=paths.BUILD, timeout=SECONDS)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_they_share_the_requests_until_ctrl_c() -> None:
    """One of them dies meanwhile, and leaves no engine. The last request is finished."""
    with _started() as (server, client):
        assert server.said("[0] \\u2588"), server.output()
        assert replicas.engines(server.processes()) == 2
        replicas.check_answers(client)
        replicas.check_sharing(client)
        assert f"port {server.port} of 127.0.0.1 is in use; choose" in _refused(server.port)
        replicas.check_death(client)
        until(lambda: replicas.engines(server.processes()) == 1, "its engine ends", SECONDS)
        with ThreadPoolExecutor() as pool:
            last = pool.submit(client.stream, pieces=10, seconds=replicas.PIECE_SECONDS)
            until(lambda: client.each("in_flight") == [0, 1], "it runs", SECONDS)
            assert server.press("ctrl-c") == 0, server.output()
            assert len(last.result()) == 10
        assert server.said("replica 1 (GPU 1) ended with code 0; 0 running"), server.output()
        _nothing_is_left(server)


def test_ctrl_break_ends_also_a_replica_that_hangs() -> None:
    """With its engine. One replica: a start costs most here."""
    with _started("--gpus", "0", "--shutdown-timeout", "0") as (server, client):
        assert client.post("/replicas/0/deaf") == 200
        assert server.press("ctrl-break") == 0, server.output()
        assert server.said("replica 0 (GPU 0) does not end; it is killed"), server.output()
        _nothing_is_left(server)
