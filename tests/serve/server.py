"""A real `vllm-gfx serve` in a process of its own, and what tests ask of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import openai
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.serve.arguments import KEY, NAME, VARIABLES, arguments
from tests.support import output
from tests.support.child import runs
from tests.support.polling import PATIENCE_SECONDS, until
from tools.free_port import free_port

__all__ = ["KEY", "NAME", "Running", "Server", "command"]

READY_SECONDS = 240  # a deadline for a busy machine, not the bound: that is measured


def command() -> str:
    """The console script beside this Python. Raises AssertionError if it is not installed."""
    found = shutil.which("vllm-gfx", path=str(Path(sys.executable).parent))
    assert found, f"no vllm-gfx beside {sys.executable}"
    return found


class Running:
    """A server that answers at `port`, whoever started it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def client(self, key: str = KEY) -> openai.OpenAI:
        """The real client, that neither retries nor waits for ever."""
        return openai.OpenAI(
            base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=READY_SECONDS
        )

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry `labels`."""
        said = httpx.get(f"{self.url}/metrics", timeout=PATIENCE_SECONDS).text
        families = text_string_to_metric_families(said)
        samples = (sample for family in families for sample in family.samples)
        wanted = labels.items()
        return sum(s.value for s in samples if s.name == name and wanted <= s.labels.items())

    def running(self) -> int:
        return int(self.metric("vllm:num_requests_running"))


class Server(Running):
    """One server process of ours; its output is in `log`, what it started in `family`."""

    def __init__(self, model: Path, log: Path, *flags: str) -> None:
        super().__init__(free_port())
        self.log = log
        self.family: list[psutil.Process] = []
        argv = [command(), *arguments(str(model), self.port, *flags)]
        with log.open("w", encoding="utf-8") as out:
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                argv, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **VARIABLES}
            )

    def wait_ready(self) -> float:
        """Seconds from the start until `/health` answered, as polled."""
        until(lambda: self._ended() or self._healthy(), "the server is ready", READY_SECONDS)
        assert not self._ended(), output.end(self.output())
        seconds = time.monotonic() - self.started
        self.note_family()
        return seconds

    def note_family(self) -> None:
        """Remember the processes that this server consists of now."""
        me = psutil.Process(self.process.pid)
        self.family = [me, *me.children(recursive=True)]

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health").status_code == 200
        except httpx.TransportError:
            return False

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal the server and wait for its end: its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def left_over(self) -> list[psutil.Process]:
        """Processes of the family that still run; a zombie has ended, and waits for its parent."""
        return [process for process in self.family if runs(process)]

    def destroy(self) -> None:
        """End whatever is left, after a test."""
        if not self._ended():
            self.note_family()
        for process in self.left_over():
            process.kill()
        self.process.wait(PATIENCE_SECONDS)
