"""`vllm-gfx replicas` on Windows Python: two replicas with a light program in vLLM's place.

Two of vLLM's servers would take minutes here; what is vLLM's own of it is in test_serve.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import output, replicas
from tests.support.polling import until_equal
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
    output.check_lacks(server.output(), "Traceback")
    until(lambda: not server.processes(), "its processes end", SECONDS)
    assert not server.healthy()


def _refused(port: int) -> str:
    done = run.run(_command(port), cwd=paths.BUILD, timeout=SECONDS)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_they_share_the_requests_until_ctrl_c() -> None:
    """One of them dies meanwhile, and leaves no engine. The last request is finished."""
    with _started("--shutdown-timeout", "60") as (server, client):
        assert server.said("[0] \\u2588"), server.end()
        assert replicas.engines(server.processes()) == 2
        replicas.check_answers(client)
        replicas.check_sharing(client)
        assert f"port {server.port} of 127.0.0.1 is in use; choose" in _refused(server.port)
        replicas.check_death(client)
        until_equal(lambda: replicas.engines(server.processes()), 1, "its engine ends", SECONDS)
        last = client.begin(pieces=10)
        assert client.each("in_flight") == [0, 1]
        assert server.press("ctrl-c") == 0, server.end()
        assert len(replicas.rest(last)) == 9
        assert server.said("replica 1 (GPU 1) ended with code 0; 0 running"), server.end()
        _nothing_is_left(server)


def test_ctrl_break_ends_also_a_replica_that_hangs() -> None:
    """With its engine. One replica: a start costs most here."""
    with _started("--gpus", "0", "--shutdown-timeout", "0") as (server, client):
        assert client.post("/replicas/0/deaf") == 200
        assert server.press("ctrl-break") == 0, server.end()
        assert server.said("replica 0 (GPU 0) does not end; it is killed"), server.end()
        _nothing_is_left(server)
