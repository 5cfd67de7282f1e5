from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serve.server import Server
from tests.support import tinylm
from tests.support.held import held  # noqa: F401 - a fixture


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers of a test's own: `start(flags...)`; they end with the test."""
    started: list[Server] = []

    def _start(*flags: str) -> Server:
        log = tmp_path / f"log{len(started)}"
        started.append(Server(tinylm.copy(tinylm.ORIGINAL), log, *flags))
        return started[-1]

    yield _start
    for server in started:
        server.destroy()
