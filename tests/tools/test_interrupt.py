"""Ctrl-C reaches work that is done in Rust, and nothing it started goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tools import paths
from tools.interrupt import interruptible

# The child prints its id and sleeps; the work waits for it as the builder waits for a script.
CODE = """
import subprocess, sys
from tools.interrupt import interruptible

def work():
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    return subprocess.run([sys.executable, "-c", code], start_new_session=True).returncode

interruptible(work)
"""


@pytest.mark.skipif(os.name == "nt", reason="a console's Ctrl-C cannot be sent to one process")
def test_what_was_started_is_stopped_too() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], cwd=paths.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout
        child = psutil.Process(int(process.stdout.readline()))
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        assert time.monotonic() - started < 30
        assert b"KeyboardInterrupt" in stderr and b"stopping what runs" in stderr
        assert not child.is_running()
    finally:
        process.kill()


def test_results_and_errors_come_through() -> None:
    assert interruptible(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 // 0)
