"""One replica: a `vllm-gfx serve` process that sees one GPU and listens on a port of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import psutil

from vllm_gfx.preflight.world import VISIBLE

_SERVE = "from vllm_gfx import cli; cli.main()"
_POLL_SECONDS = 0.25


@dataclass
class Replica:
    """`device` is what it is called in `variable`; without GPUs both are empty."""

    number: int
    variable: str = ""
    device: str = ""
    port: int = 0
    in_flight: int = 0
    ready: bool = False
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return f"replica {self.number}" + (f" (GPU {self.device})" if self.device else "")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self.process.returncode if self.process else None

    @property
    def alive(self) -> bool:
        return self.ready and self.code is None

    def environment(self) -> dict[str, str]:
        """This process's, with this GPU as the only one that is visible.

        ROCR_VISIBLE_DEVICES stays: HIP counts what that one leaves, and so does `device`.
        """
        if not self.variable:
            return dict(os.environ)
        others = {name: value for name, value in os.environ.items() if name not in VISIBLE}
        return {**others, self.variable: self.device}

    async def start(self, model: str, flags: Sequence[str]) -> None:
        """Start the process; its lines are printed with its name in front."""
        self.port = _free_port()
        command = [sys.executable, "-c", _SERVE, "serve", model, f"--port={self.port}", *flags]
        self.process = await asyncio.create_subprocess_exec(
            *command,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **_own_group(),
        )

    async def watch(self) -> None:
        """Print what the process says until it ends; then end what it leaves behind."""
        copying = asyncio.create_task(self._copy_output())
        # Not `process.wait()`: its engine, which may outlive a killed server, holds the pipe too.
        while self.code is None:
            await asyncio.sleep(_POLL_SECONDS)
        self._end_family()
        await copying

    async def _copy_output(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        # Not readline: that fails on lines longer than its buffer.
        rest = b""
        while chunk := await self.process.stdout.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                print(f"[{self.number}] {line.decode(errors='replace')}", flush=True)

    def _end_family(self) -> None:
        """A server that was killed leaves its engine, which would keep the GPU's memory."""
        assert self.process is not None
        if sys.platform != "win32":
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            return
        for process in psutil.process_iter(["ppid"]):
            if process.info["ppid"] == self.process.pid:
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # it is just ending
                    process.kill()

    async def wait_ready(self, session: aiohttp.ClientSession) -> bool:
        """Until `/health` answers; False if the process ended first."""
        while self.code is None:
            try:
                async with session.get(f"{self.url}/health") as answer:
                    if answer.status == 200:
                        self.ready = True
                        return True
            except aiohttp.ClientConnectionError:
                pass  # it does not listen yet
            await asyncio.sleep(_POLL_SECONDS)
        return False

    def stop(self) -> None:
        """Ask it to finish its requests and end."""
        if self.process is not None and self.code is None:
            # On Windows the only signal that another group's process can catch.
            self.process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))


def _own_group() -> dict[str, Any]:
    """So that Ctrl-C reaches only the parent, which then stops the replicas in order."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
