"""`vllm-gfx serve` on Windows Python, on a console with somebody at its keyboard."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

from tests.serve.arguments import VARIABLES, arguments
from tests.support import output
from tests.support.polling import PATIENCE_SECONDS as PATIENCE
from tests.support.polling import until
from tests.windows import programs
from tools import paths
from tools.free_port import free_port
from tools.windows import run, wine

CONSOLE = Path(programs.__file__).with_name("console.py")
DEADLINE = 600.0  # seconds of a machine that does other things too; what it takes is measured


class Server:
    """The console's program is the server; `lines` is what both said."""

    def __init__(self, console: run.Program, model: Path, port: int) -> None:
        self.model, self.port, self.lines = model, port, list[str]()
        self.started = time.monotonic()
        self.ready = (0.0, 0.0)
        self._console = console
        self._tag = console.tag
        assert console.stdout and console.stderr
        streams = (console.stdout, console.stderr)
        self._readers = [
            threading.Thread(target=self._read, args=(s,), daemon=True) for s in streams
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            if line.strip():
                self.lines.append(line.rstrip())

    def said(self, words: str) -> bool:
        return any(words in line for line in self.lines)

    def output(self) -> str:
        return "\n".join(self.lines)

    def end(self) -> str:
        return output.end(self.output())

    def wait_ready(self) -> tuple[float, float]:
        """Seconds until `/health` answered: on the clock, and of CPU time of what still runs."""
        until(lambda: self._ended() or self.healthy(), "the server is ready", DEADLINE)
        assert not self._ended(), self.end()
        wall = time.monotonic() - self.started
        return wall, sum(map(_cpu_seconds, self.processes()))

    def _ended(self) -> bool:
        return self.said("ended with ") or self._console.poll() is not None

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as got:
                return bool(got.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def processes(self) -> list[psutil.Process]:
        """Everything of this run that has not ended, the console's own processes too."""
        return run.left(self._tag)

    def press(self, key: str) -> int:
        """Press `ctrl-c` or `ctrl-break` and wait until the server has ended: its exit code."""
        assert self._console.stdin
        self._console.stdin.write(f"{key}\n")
        self._console.stdin.flush()
        until(self._ended, f"the server ends after {key}", PATIENCE)
        until(lambda: self._console.poll() is not None, "the console ends", PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        (code,) = [line.split()[-1] for line in self.lines if line.startswith("ended with ")]
        return int(code)


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # it has just ended
        return 0.0
    return float(times.user + times.system)


@contextmanager
def serving(
    model: Path, *flags: str, env: Mapping[str, str] | None = None, door: Sequence[str] = ()
) -> Iterator[Server]:
    """A server of `model` on its own console; whatever is left of it ends with the block.

    `door` is the program whose `serve` it is, in place of that of the prefix.
    """
    port = free_port()
    program = door or [wine.windows_path(run.python().parent / "Scripts" / "vllm-gfx.exe")]
    # As some programs of Windows write a path; vLLM itself could not join anything to it.
    served = arguments("\\\\?\\" + wine.windows_path(model), port, *flags)
    command = [wine.windows_path(CONSOLE), *program, *served]
    given = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", **VARIABLES, **(env or {})}
    with run.started(command, given, paths.BUILD) as console:
        yield Server(console, model, port)
