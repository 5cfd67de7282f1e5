"""`vllm-gfx replicas`: one server per GPU behind one address, for where GPUs cannot work together.

Each replica holds the whole model, so this multiplies throughput, not memory.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import aiohttp
from aiohttp import web

from vllm_gfx import checkpoint, envs, ports, serve, serve_address
from vllm_gfx.parallel.gpus import devices
from vllm_gfx.parallel.proxy import Proxy
from vllm_gfx.parallel.replica import Replica, free_ports, say
from vllm_gfx.refusal import Refusal

FAILED = 1
GRACE_SECONDS = 15.0  # after --shutdown-timeout, in which a replica ends its engine
# Windows has no SIGTERM that anybody sends, but a key for it.
_STOPS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, n)]
_LIMITLESS = aiohttp.ClientTimeout(total=None, sock_connect=10)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(message, "see `vllm-gfx replicas --help`")


def main(argv: Sequence[str]) -> int:
    """Run until stopped, then 0; 1 if no replica is left. Raises Refusal for a bad request."""
    envs.set_defaults()
    if isinstance(sys.stdout, io.TextIOWrapper):  # replicas write letters that it may not know
        sys.stdout.reconfigure(errors="backslashreplace")
    asked = _parsed(argv)
    ports.check(asked.host, asked.port)
    with ports.bound(asked.host, int(asked.port)) as address:
        return asyncio.run(_run(asked, devices(asked.gpus, asked.count), address))


def _grace(shutdown_timeout: str) -> float:
    """After how many seconds a replica that was asked to end is killed."""
    if not shutdown_timeout.isdecimal():
        raise Refusal(f"--shutdown-timeout {shutdown_timeout}", "give whole seconds, from 0")
    return int(shutdown_timeout) + GRACE_SECONDS


def _parsed(argv: Sequence[str]) -> argparse.Namespace:
    """What was asked for. Raises Refusal if it cannot be served."""
    parser = _Parser(prog="vllm-gfx replicas", description=__doc__, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="as for `vllm-gfx serve`")
    parser.add_argument("--gpus", default="", help="which, by number: 0,1 (all that are visible)")
    parser.add_argument("--count", type=int, help="replicas on a machine without GPUs")
    parser.add_argument("--host", default="", help=f"of the one address ({serve.HOST})")
    parser.add_argument("--port", default="", help=f"of the one address ({serve.PORT})")
    parser.epilog = "All other flags go to each replica's `vllm-gfx serve`."
    asked, flags = parser.parse_known_args(argv)
    given = serve.settings(flags)
    serve_address.check(given, flags)
    checkpoint.check(asked.model, given.get("load-format", "auto"))
    asked.flags = flags
    asked.host = asked.host or given.get("host", serve.HOST)
    asked.port = asked.port or given.get("port", serve.PORT)
    asked.grace = _grace(given.get("shutdown-timeout", serve.SHUTDOWN_TIMEOUT))
    return asked


async def _run(
    asked: argparse.Namespace, replicas: Sequence[Replica], address: socket.socket
) -> int:
    stop, watches = _on_signals(), list[asyncio.Task[None]]()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=_LIMITLESS, auto_decompress=False
    ) as session:
        proxy = Proxy(replicas, session)
        try:
            for replica, port in zip(replicas, free_ports(len(replicas)), strict=True):
                replica.port = port
                await replica.start(asked.model, asked.flags)
                watches.append(asyncio.create_task(_watch(replica, replicas)))
            return await _serve(asked, proxy, address, stop, watches)
        finally:
            for replica in replicas:
                replica.stop(asked.grace)
            await asyncio.gather(*watches)


def _on_signals() -> asyncio.Event:
    """Set by what asks to stop. `signal.signal`: Windows' loop has no handlers of its own."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in _STOPS:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    # Windows' loop is woken by Python as well, which complains if it finds that done already.
    signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)
    return stop


async def _watch(replica: Replica, replicas: Sequence[Replica]) -> None:
    await replica.watch()
    left = sum(r.alive for r in replicas)
    say(f"{replica.name} ended with code {replica.code}; {left} running")


async def _serve(
    asked: argparse.Namespace,
    proxy: Proxy,
    address: socket.socket,
    stop: asyncio.Event,
    watches: Sequence[asyncio.Task[None]],
) -> int:
    """Wait for the replicas, listen, and stop in order: refuse, drain, close."""
    stopped = asyncio.create_task(stop.wait())
    if not await _all_ready(proxy, stopped):
        return 0 if stop.is_set() else FAILED
    runner = await _listening(proxy, asked, address)
    say(f"{len(proxy.replicas)} replicas behind http://{asked.host}:{asked.port}")
    try:
        all_ended = asyncio.create_task(_all(watches))
        either: set[asyncio.Task[Any]] = {stopped, all_ended}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        proxy.stopping = True
        for replica in proxy.replicas:
            replica.stop(asked.grace)
        await all_ended
    finally:
        await runner.cleanup()
    if stop.is_set():
        return 0
    print("vllm-gfx replicas: no replica is left", file=sys.stderr)
    return FAILED


async def _listening(
    proxy: Proxy, asked: argparse.Namespace, address: socket.socket
) -> web.AppRunner:
    """Raises Refusal if another program listens there since `address` was bound."""
    runner = web.AppRunner(proxy.application(), handler_cancellation=True, access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, address).start()
    except OSError as error:
        raise ports.cannot_listen(asked.host, asked.port, error) from error
    return runner


async def _all(watches: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.gather(*watches)


async def _all_ready(proxy: Proxy, stopped: asyncio.Task[bool]) -> bool:
    """Whether every replica started: one that cannot start ends them all."""
    waits = [asyncio.create_task(r.wait_ready(proxy.session)) for r in proxy.replicas]
    pending: set[asyncio.Task[bool]] = set(waits)
    while pending and not stopped.done():
        done, _ = await asyncio.wait({*pending, stopped}, return_when=asyncio.FIRST_COMPLETED)
        pending -= done
        if any(task is not stopped and not task.result() for task in done):
            print("vllm-gfx replicas: one did not start; its reason is above", file=sys.stderr)
            break
    for task in pending:
        task.cancel()
    return all(replica.ready for replica in proxy.replicas)
