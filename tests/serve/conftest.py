from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest

from tests.serve.arguments import RUNNING
from tests.serve.server import KEY, Running, Server
from tests.support import tinylm
from tests.support.held import held  # noqa: F401 - a fixture

Start = Callable[..., Server]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In a folder as users have them."""
    folder = tmp_path_factory.mktemp("models") / "Modell für Müller & Söhne"
    return Path(shutil.copytree(tinylm.copy(tinylm.ORIGINAL), folder))


@pytest.fixture(scope="session")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The one server that most tests share; or one that runs already, under Wine for instance."""
    if port := os.environ.get(RUNNING):
        yield Running(int(port))
        return
    log = tmp_path_factory.mktemp("server") / "log"
    server = Server(model, log, "--api-key", KEY)
    try:
        print(f"\nserver ready in {server.wait_ready():.1f} s")
        yield server
    finally:
        server.destroy()


@pytest.fixture(scope="session")
def client(server: Running) -> openai.OpenAI:
    return server.client()


@pytest.fixture
def start(model: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts servers of a test's own: `start(flags...)`; they end with the test."""
    started: list[Server] = []

    def _start(*flags: str) -> Server:
        started.append(Server(model, tmp_path / f"log{len(started)}", *flags))
        return started[-1]

    yield _start
    for server in started:
        server.destroy()
