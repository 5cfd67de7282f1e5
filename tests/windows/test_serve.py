"""`vllm-gfx serve` in its two-process form on Windows Python, and the tests of Linux' server on it.

One server for all: a start takes a minute.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psutil
import pytest
import requests

from tests.serve.arguments import KEY, RUNNING
from tests.support import held as held_engines
from tests.support import output
from tests.support.held import Held
from tests.windows.checkout import Checkout
from tests.windows.server import PATIENCE, Server, serving, until
from tools import paths, prefix
from tools.generations import active
from tools.trial import environment
from tools.variants import REFERENCE
from tools.windows import rig, run, wine

PREFIX = "WINEPREFIX"
LIMIT = 300
TOKENS = 150
# Seconds of CPU time, nearly all of it imports, one process after the other. On the clock it is to
# be 120, which a machine that does other things too cannot promise; the report has both.
READY = 90
CLIENT_TESTS = ("tests/serve/test_api.py", "tests/serve/test_hang_up.py")
# It asks for the server's processes, which are Wine's here; below.
NOT_FROM_OUTSIDE = "tests/serve/test_api.py::test_listens_on_loopback_only"


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    return held_engines.write(tmp_path_factory.mktemp("held"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, held: Held) -> Iterator[Server]:
    """Of a folder with blanks, umlauts and signs in its name that mean something to a shell."""
    original = run.python().parent / "share" / "vllm-gfx-tinylm" / "fp"
    model = tmp_path_factory.mktemp("models") / "Modell für Müller & Söhne (1)"
    shutil.copytree(original, model)
    where = wine.windows_path(held.folder)
    env = {"PYTHONPATH": where, held_engines.VARIABLE: where}
    with serving(model, "--api-key", KEY, "--shutdown-timeout", "120", env=env) as server:
        server.ready = server.wait_ready()
        yield server


def test_it_is_ready_in_time(
    server: Server, record_testsuite_property: Callable[[str, object], None]
) -> None:
    wall, cpu = server.ready
    print(f"\nserver under Wine ready in {wall:.0f} s, {cpu:.0f} s of CPU time")
    record_testsuite_property("server ready: seconds on the clock", wall)
    record_testsuite_property("server ready: seconds of CPU time", cpu)
    assert cpu <= READY


def test_it_consists_of_two_processes(server: Server) -> None:
    """The API's and the engine's, each of which says who it is in every line of its log."""
    said = "\n".join(server.lines)
    apis, engines = (
        set(re.findall(rf"{name}\S* pid=(\d+)", said)) for name in ("APIServer", "EngineCore")
    )
    assert len(apis) == 1 and len(engines) == 1 and apis != engines, (apis, engines)


def _listening() -> set[tuple[str, int]]:
    """Addresses that programs of Windows listen on here: their sockets are Wine's server's."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # ended, or another user's
            ours = process.environ().get(PREFIX) == str(rig.DRIVES)
            if ours and process.name() == wine.SERVER.name:
                here = process.net_connections("inet")
                found |= {c.laddr for c in here if c.status == psutil.CONN_LISTEN}
    return {(address.ip, address.port) for address in found}


def test_it_listens_on_loopback_only(server: Server) -> None:
    """Also where the processes talk to each other, which is TCP on Windows."""
    listening = _listening()
    assert ("127.0.0.1", server.port) in listening and len(listening) > 1
    assert {ip for ip, _ in listening} == {"127.0.0.1"}


def test_its_clients(server: Server) -> None:
    """Linux' own tests, with the real client: chat, streams, many at once, schemas, hang-ups."""
    where = active(REFERENCE)
    command = [str(prefix.python_of(where)), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--deselect={NOT_FROM_OUTSIDE}", *CLIENT_TESTS]
    env = {**os.environ, **environment(where), RUNNING: str(server.port)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=env, cwd=paths.ROOT, timeout=LIMIT
    )
    said = f"{done.stdout[-6000:]}\nof the server {server.end()}"
    assert done.returncode == 0, said
    passed = int(done.stdout.rpartition(" passed")[0].split()[-1])
    assert passed >= 15 and "skipped" not in done.stdout, done.stdout[-2000:]


SECOND = "import sys; from vllm_gfx import cli; sys.argv[0] = 'vllm-gfx'; cli.main()"


def test_a_second_server_of_its_model_is_refused_on_its_port(server: Server) -> None:
    """Windows would let two programs listen on one port if they asked for it."""
    command = ["-c", SECOND, "serve", wine.windows_path(server.model), "--port", str(server.port)]
    done = run.run(command, cwd=paths.BUILD, timeout=120)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and f"port {server.port} of 127.0.0.1 is in use" in line
    until(server.healthy, "the first server answers", PATIENCE)


def _ends_and_leaves_nothing(server: Server, key: str) -> None:
    assert server.press(key) == 0, server.end()
    output.check_lacks(server.output(), "Traceback", "output_handler failed")
    until(lambda: not server.processes(), "its processes end", PATIENCE)
    assert server.port not in {port for _, port in _listening()}


def test_ctrl_break_ends_a_second_server_and_not_the_first(
    server: Server, checkout: Checkout
) -> None:
    """Of the same files, which both have open, on a port of its own: `python dev.py serve`."""
    with serving(server.model, env=checkout.env, door=checkout.door) as second:
        second.wait_ready()
        _ends_and_leaves_nothing(second, "ctrl-break")
    until(server.healthy, "the first server answers", PATIENCE)


def _ask(server: Server) -> int:
    """How many of the TOKENS that were asked for came back."""
    asked: Any = {"prompt": "import", "max_tokens": TOKENS, "ignore_eos": True}
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"http://127.0.0.1:{server.port}/v1/completions"
    answer = requests.post(url, json=asked, headers=headers, timeout=LIMIT)
    answer.raise_for_status()
    return int(answer.json()["usage"]["completion_tokens"])


def _in_flight(server: Server) -> bool:
    metrics = requests.get(f"http://127.0.0.1:{server.port}/metrics", timeout=PATIENCE).text
    return bool(re.search(r"^vllm:num_requests_running\{.*\} 1\.0$", metrics, re.MULTILINE))


def test_ctrl_c_ends_it_when_what_is_in_flight_has_finished(server: Server, held: Held) -> None:
    """The last test of this server."""
    with ThreadPoolExecutor() as pool, held.slow_steps():
        finishing = pool.submit(_ask, server)
        until(lambda: _in_flight(server), "the request is running", PATIENCE)
        _ends_and_leaves_nothing(server, "ctrl-c")
        assert finishing.result() == TOKENS
    assert server.said("draining in-flight requests count=1"), server.end()
