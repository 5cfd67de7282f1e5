"""A replica's process: `vllm-gfx serve`, asked to stop by the end of its standard input.

That needs no console, unlike the only signal that one process can send another on Windows, and it
also comes when the process that started this one was killed.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from threading import Thread

STDIN = 0


def main() -> None:
    """`vllm-gfx` with this process' arguments."""
    stop_with_input()
    from vllm_gfx import cli

    cli.main()


def stop_with_input() -> None:
    """From now on SIGTERM comes when the standard input ends. For a process' first line.

    Its own children get an empty input: on Windows a program that is given a pipe waits at its
    start for whoever reads that (https://github.com/python/cpython/issues/78961).
    """
    given = os.dup(STDIN)
    with Path(os.devnull).open("rb") as empty:
        os.dup2(empty.fileno(), STDIN)
    Thread(target=_stop_after, args=(given,), name="gfx-input", daemon=True).start()


def _stop_after(given: int) -> None:
    while os.read(given, 1):
        pass
    if sys.platform == "win32":  # where os.kill ends a process on the spot
        signal.raise_signal(signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)
