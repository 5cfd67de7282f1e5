"""Killed with SIGKILL, a server leaves nothing behind: its engine ends too."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import vllm.v1.engine.core  # noqa: F401 - tells the shim that this may run an engine
from vllm_gfx.engine import orphaned_engine

from tests.serve.server import Server
from tests.support.child import runs
from tests.support.polling import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]


@contextmanager
def family(*how: str) -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """A parent and its child, which watches it."""
    command = [sys.executable, "-m", "tests.engine.orphans", *how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as started:
        assert started.stdout is not None
        parent = psutil.Process(started.pid)
        child = psutil.Process(int(started.stdout.readline()))
        try:
            yield parent, child
        finally:
            for process in filter(runs, (child, parent)):
                process.kill()


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.parametrize("obeys", ["obeys", "ignores"])
def test_a_child_ends_with_its_parent(method: str, obeys: str) -> None:
    with family(method, obeys, "keeps") as (parent, child):
        assert runs(child)
        parent.kill()
        until(lambda: not runs(child), "the child ends")


def test_a_closed_pipe_is_not_the_end() -> None:
    with family("spawn", "obeys", "closes") as (parent, child):
        time.sleep(3 * orphaned_engine._POLL_SECONDS)
        assert runs(child)
        parent.kill()
        until(lambda: not runs(child), "the child ends")


def test_a_killed_server_takes_its_engine_along(start: Callable[..., Server]) -> None:
    server = start()
    server.wait_ready()
    assert len(server.left_over()) >= 2
    server.process.kill()
    limit = orphaned_engine.GRACE_SECONDS + PATIENCE_SECONDS
    until(lambda: not server.left_over(), "its processes end", limit)
    assert "the process that started this engine was killed" in server.output()


def test_still_needed() -> None:
    """When this fails, look whether upstream's engine now ends with its server: delete the shim."""
    assert orphaned_engine.needed()
