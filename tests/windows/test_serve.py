"""`vllm-gfx serve` in its two-process form on Windows Python, and the tests of Linux' server on it.

One server for all: a start takes a minute.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from tests.serve.arguments import KEY, RUNNING
from tests.windows.server import PATIENCE, Server, serving, until
from tools import paths, prefix
from tools.generations import active
from tools.trial import environment
from tools.variants import REFERENCE
from tools.windows import run

READY = 120  # seconds of CPU time, of which nearly all is imports, one process after the other
CLIENT_TESTS = ("tests/serve/test_api.py", "tests/serve/test_hang_up.py")
# It asks for the server's processes, which are Wine's here; below.
NOT_FROM_OUTSIDE = "tests/serve/test_api.py::test_listens_on_loopback_only"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Of a folder with blanks, an umlaut and a bracket in its name."""
    original = run.python().parent / "share" / "vllm-gfx-tinylm" / "fp"
    model = tmp_path_factory.mktemp("models") / "Modell für Müller & Söhne [1]"
    shutil.copytree(original, model)
    with serving(model, "--api-key", KEY) as server:
        yield server


def test_it_is_ready_in_time(server: Server) -> None:
    wall, cpu = server.wait_ready()
    print(f"\nserver under Wine ready in {wall:.0f} s, {cpu:.0f} s of CPU time")
    assert cpu <= READY


def test_it_consists_of_two_processes(server: Server) -> None:
    """The API's and the engine's, each of which says who it is in every line of its log."""
    said = "\n".join(server.lines)
    apis, engines = (
        set(re.findall(rf"{name}\S* pid=(\d+)", said)) for name in ("APIServer", "EngineCore")
    )
    assert len(apis) == 1 and len(engines) == 1 and apis != engines, (apis, engines)


def test_it_listens_on_loopback_only(server: Server) -> None:
    """Also where the processes talk to each other, which is TCP on Windows."""
    found = [c for process in server.processes() for c in process.net_connections("inet")]
    listening = {c.laddr for c in found if c.status == psutil.CONN_LISTEN}
    assert server.port in {address.port for address in listening}
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_its_clients(server: Server) -> None:
    """Linux' own tests, with the real client: chat, streams, many at once, schemas, hang-ups."""
    where = active(REFERENCE)
    command = [str(prefix.python_of(where)), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--deselect={NOT_FROM_OUTSIDE}", *CLIENT_TESTS]
    env = {**os.environ, **environment(where), RUNNING: str(server.port)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=paths.ROOT)
    assert done.returncode == 0, done.stdout[-6000:] + server.output()
    passed = int(done.stdout.rpartition(" passed")[0].split()[-1])
    assert passed >= 15 and "skipped" not in done.stdout, done.stdout[-2000:]


def test_ctrl_c_ends_it_and_leaves_nothing(server: Server) -> None:
    """The last test of this server."""
    assert server.press("c") == 0, server.output()
    assert "Traceback" not in server.output()
    until(lambda: not server.processes(), "its processes end", PATIENCE)
    listening = [c.laddr.port for c in psutil.net_connections("inet") if c.status == "LISTEN"]
    assert server.port not in listening
