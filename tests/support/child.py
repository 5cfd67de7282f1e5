"""A Python process of a test's, with its output in a file, a time limit, and an end for its family.

Not through a pipe: engines' own processes hold its other end, so a test that reads to its end would
wait for any one of them that does not stop.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

ROOT = Path(__file__).resolve().parents[2]
LIMIT = "GFX_TESTS_LIMIT"  # seconds, instead of LIMIT_SECONDS
LOGS = "GFX_TESTS_LOGS"  # a folder: keep logs there
LIMIT_SECONDS = 600.0  # less than pytest has for a test, which would end it without the stacks
STACKS_SECONDS = 30.0
# Nothing is sent anywhere, nobody is asked for an address, and SIGABRT prints every thread's stack.
ENVIRONMENT = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_HOST_IP": "127.0.0.1",
    "PYTHONFAULTHANDLER": "1",
}


def run(arguments: Sequence[str], env: dict[str, str], limit: float | None = None) -> str:
    """Run Python with `arguments`; its output.

    Raises AssertionError with the end of its output if it fails or takes longer than `limit`; then
    that end holds the stacks of all its processes. None of them is left.
    """
    limit = limit or float(os.environ.get(LIMIT) or LIMIT_SECONDS)
    with _log() as log:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT, **env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code: int | None = child.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
            _stacks(child)
        finally:
            _end(child)
        said = Path(log.name).read_text(encoding="utf-8", errors="replace")
    assert code is not None, f"not done within {limit:.0f} s\n{said[-20_000:]}"
    assert code == 0, f"exit code {code}\n{said[-6000:]}"
    return said


def _log() -> IO[bytes]:
    kept = os.environ.get(LOGS)
    return tempfile.NamedTemporaryFile(prefix="child-", suffix=".log", dir=kept, delete=not kept)


def _stacks(child: subprocess.Popen[bytes]) -> None:
    """Have every process of the family print where it is; that ends them."""
    parent = psutil.Process(child.pid)
    family = [parent, *parent.children(recursive=True)]
    os.killpg(child.pid, signal.SIGABRT)
    deadline = time.monotonic() + STACKS_SECONDS
    while any(map(runs, family)) and time.monotonic() < deadline:
        time.sleep(0.05)


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended; a zombie has, and waits for its parent."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _end(child: subprocess.Popen[bytes]) -> None:
    """Also processes that a child which has ended left behind."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
