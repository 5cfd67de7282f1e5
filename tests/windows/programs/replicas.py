"""`replicas.py ARGUMENTS...`: the command, with a light program in the place of vLLM's servers.

It runs on Linux too. Two GPUs are pretended. The light program has what matters to the command: an
engine (a process of its own that writes to the same output), streams, `/health`, an orderly stop.
Its HTTP is its own: libraries for that take longer to import here than all the rest.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import signal
import sys
import time
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from vllm_gfx.parallel import child

REPLICA = "__replica__"
GPUS = 2
GRACE_SECONDS = 1.0
MAY_LISTEN = "GFX_TESTS_MAY_LISTEN"  # names a file that a replica waits for before it listens
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # which on Windows is sent by TerminateProcess
STOPS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, n)]
ANSWER = (
    "HTTP/1.1 %s\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)


def command() -> None:
    from vllm_gfx import cli
    from vllm_gfx.parallel import replica, replicas

    torch: Any = ModuleType("torch")
    torch.version = SimpleNamespace(hip="7.1")
    torch.cuda = SimpleNamespace(device_count=lambda: GPUS)
    sys.modules["torch"] = torch
    replica.SERVER = f"import runpy; runpy.run_path({__file__!r}, run_name={REPLICA!r})"
    replicas.GRACE_SECONDS = GRACE_SECONDS
    sys.stdout.reconfigure(encoding="cp1252")  # type: ignore[union-attr] # as Windows' files have it
    sys.argv[:1] = ["vllm-gfx", "replicas"]
    cli.main()


class Server:
    """`/v1/models` tells about the process; `/v1/completions` streams as many pieces as asked for.

    `/go`: the answers that are held go on. `/deaf`: from now on it does not stop. `/loud`: it
    writes more than a pipe holds.
    """

    def __init__(self) -> None:
        self.stopped, self.go = asyncio.Event(), asyncio.Event()
        self.running: set[asyncio.Task[Any] | None] = set()
        self.hung_up = 0

    async def run(self, port: int) -> None:
        self.listen_to(self.stop)
        engine = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
        engine.start()
        while not (Path(os.environ.get(MAY_LISTEN, __file__)).exists() or self.stopped.is_set()):
            await asyncio.sleep(0.02)
        listening = await asyncio.start_server(self.serve, "127.0.0.1", port)
        print("█ für Windows", flush=True)
        await self.stopped.wait()
        listening.close()
        while self.running:
            await asyncio.sleep(0.05)
        engine.terminate()
        engine.join()

    def stop(self) -> None:
        """A replica that were killed at once would not finish what is held."""
        self.stopped.set()
        asyncio.get_running_loop().call_later(GRACE_SECONDS, self.go.set)

    def listen_to(self, callback: Any) -> None:
        for number in STOPS:
            asyncio.get_running_loop().add_signal_handler(number, callback)

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One request, which is all of a connection."""
        self.running.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # the other side went away
            await self.answer((await reader.readuntil(b"\r\n\r\n")).decode(), reader, writer)
            await writer.drain()
        writer.close()
        self.running.discard(asyncio.current_task())

    async def answer(self, head: str, reader: StreamReader, writer: StreamWriter) -> None:
        path = head.split()[1]
        length = sum(int(n) for n in re.findall(r"(?i)\r\ncontent-length: (\d+)", head))
        asked = json.loads(await reader.readexactly(length) or "{}")
        said: Any = {}
        status = "200 OK"
        if path == "/v1/models":
            seen = {k: v for k, v in os.environ.items() if k.endswith("_VISIBLE_DEVICES")}
            given = os.read(child.STDIN, 1).decode()
            said = {"seen": seen, "argv": sys.argv[1:], "hung up": self.hung_up, "input": given}
        elif path == "/v1/completions":
            return await self.complete(asked, reader, writer)
        elif path == "/deaf":
            self.listen_to(lambda: None)
        elif path == "/go":
            self.go.set()
            self.go = asyncio.Event()  # for whoever comes later
        elif path == "/loud":
            print("x" * asked["bytes"], flush=True)
        elif path != "/health":
            status = "404 Not Found"
        writer.write((ANSWER % (status, "application/json")).encode())
        _chunk(writer, json.dumps(said))
        _chunk(writer, "")

    async def complete(self, asked: Any, reader: StreamReader, writer: StreamWriter) -> None:
        """`held`: the first piece alone, for now. `dies_after` so many, as one that is killed."""
        gone = asyncio.create_task(reader.read(1))
        for number in range(asked["pieces"]):
            if number == asked.get("dies_after"):
                os.kill(os.getpid(), KILL)
            if number == 0:
                kind = "text/event-stream" if asked.get("stream") else "application/json"
                writer.write((ANSWER % ("200 OK", kind)).encode())
            _chunk(writer, f"data: {number}\n\n")
            if number == 0 and asked.get("held"):
                await self.held(gone)
            if gone.done():
                self.hung_up += 1
                return
        _chunk(writer, "")
        gone.cancel()

    async def held(self, gone: asyncio.Task[bytes]) -> None:
        """Until `/go`, or the server was asked to stop, or the client has gone."""
        go = asyncio.create_task(self.go.wait())
        await asyncio.wait([gone, go], return_when=asyncio.FIRST_COMPLETED)
        go.cancel()


def _chunk(writer: StreamWriter, text: str) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(text), text.encode()))


def replica_main() -> None:
    child.stop_with_input()
    (port,) = [int(a.partition("=")[2]) for a in sys.argv if a.startswith("--port=")]
    if sys.platform != "win32":
        asyncio.run(Server().run(port))
        return
    from vllm_gfx.stand_ins import uvloop

    uvloop.run(Server().run(port))


if __name__ == REPLICA:
    replica_main()
elif __name__ == "__main__":
    command()
