"""One replica: a `vllm-gfx serve` process that sees one GPU and listens on a port of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import aiohttp

from vllm_gfx import ports
from vllm_gfx.parallel import family
from vllm_gfx.preflight.world import VISIBLE

SERVER = "from vllm_gfx.parallel import child; child.main()"  # what a replica's Python runs
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
    _since: float = field(default=0, repr=False)
    _deadline: float = field(default=float("inf"), repr=False)

    @property
    def name(self) -> str:
        return f"replica {self.number}" + (f" (GPU {self.device})" if self.device else "")

    @property
    def url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.port}"

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
        address = (f"--host={ports.LOOPBACK}", f"--port={self.port}")
        self._since = time.time()
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SERVER, "serve", model, *address, *flags),
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **family.own_group(),
        )

    async def watch(self) -> None:
        """Print what the process says until it ends; then end what it leaves behind."""
        assert self.process is not None
        copying = asyncio.create_task(self._copy_output())
        # Not `process.wait()`: its engine, which may outlive a killed server, holds the pipe too.
        while self.code is None:
            await asyncio.sleep(_POLL_SECONDS)
            if self.code is None and time.monotonic() > self._deadline:
                say(f"{self.name} does not end; it is killed")
                self._deadline = float("inf")
                self.process.kill()
        family.end(self.process.pid, self._since)
        await copying

    async def _copy_output(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        # Not readline: that fails on lines longer than its buffer.
        rest = b""
        while chunk := await self.process.stdout.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                say(f"[{self.number}] {line.decode(errors='replace').rstrip()}")
        if rest:
            say(f"[{self.number}] {rest.decode(errors='replace').rstrip()}")

    async def wait_ready(self, session: aiohttp.ClientSession) -> bool:
        """Until `/health` answers; False if the process ended first."""
        while self.code is None:
            try:
                async with session.get(f"{self.url}/health") as answer:
                    if answer.status == 200:
                        self.ready = True
                        return True
            except aiohttp.ClientError:
                pass  # it does not listen yet, and so TCP may have connected the port to itself
            await asyncio.sleep(_POLL_SECONDS)
        return False

    def stop(self, grace: float) -> None:
        """Ask it to finish its requests and end; after `grace` seconds it is killed."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()  # which child.py waits for
            self._deadline = min(self._deadline, time.monotonic() + grace)


def free_ports(count: int) -> list[int]:
    """Different ones, which nobody uses now."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((ports.LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def say(line: str) -> None:
    """Print a line; if nobody reads it any more the replicas go on, and must not wait for that."""
    with suppress(OSError):
        print(line, flush=True)
