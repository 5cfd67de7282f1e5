"""`vllm-gfx replicas`: one server per GPU behind one address, for where GPUs cannot work together.

Each replica holds the whole model, so this multiplies throughput, not memory.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import aiohttp
from aiohttp import web

from vllm_gfx import checkpoint, envs, ports, serve
from vllm_gfx.parallel.proxy import Proxy
from vllm_gfx.parallel.replica import Replica
from vllm_gfx.preflight.gpus import contradiction
from vllm_gfx.preflight.world import VISIBLE
from vllm_gfx.refusal import Refusal

FAILED = 1
_LIMITLESS = aiohttp.ClientTimeout(total=None, sock_connect=10)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(message, "see `vllm-gfx replicas --help`")


def main(argv: Sequence[str]) -> int:
    """Run until stopped, then 0; 1 if no replica is left. Raises Refusal for a bad request."""
    envs.set_defaults()
    asked, flags = _parsed(argv)
    checkpoint.check(asked.model, serve.flags(flags).get("load-format", "auto"))
    ports.check(asked.host, asked.port)
    replicas = devices(asked.gpus, asked.count)
    return asyncio.run(_run(asked, flags, replicas))


def _parsed(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = _Parser(prog="vllm-gfx replicas", description=__doc__, allow_abbrev=False)
    parser.add_argument("model", metavar="MODEL", help="as for `vllm-gfx serve`")
    parser.add_argument("--gpus", default="", help="which, by number: 0,1 (all that are visible)")
    parser.add_argument("--count", type=int, help="replicas on a machine without GPUs")
    parser.add_argument("--host", default=serve.HOST, help="of the one address (%(default)s)")
    parser.add_argument("--port", default=serve.PORT, help="of the one address (%(default)s)")
    parser.epilog = "All other flags go to each replica's `vllm-gfx serve`."
    return parser.parse_known_args(argv)


def devices(gpus: str, count: int | None) -> list[Replica]:
    """A replica for each GPU asked for. Raises Refusal for GPUs that are not there."""
    import torch

    variables = VISIBLE if torch.version.hip else VISIBLE[1:]  # in the order in which they are read
    if torch.version.hip and (refusal := contradiction(os.environ)) is not None:
        raise refusal
    present = torch.cuda.device_count()
    if not present:
        return _without_gpus(gpus, count)
    if count is not None:
        raise Refusal(f"--count {count} where there are GPUs", "name them with --gpus 0,1")
    said = next(filter(None, map(os.environ.get, variables)), "")
    named = (said or ",".join(map(str, range(present)))).split(",")
    chosen = gpus.split(",") if gpus else [str(i) for i in range(present)]
    for number in chosen:
        if not number.isdecimal() or int(number) >= present or chosen.count(number) > 1:
            what = f"--gpus {gpus}: {number!r} is not one of the GPUs, or is there twice"
            raise Refusal(what, f"{present} are visible; give numbers from 0 to {present - 1}")
    return [Replica(i, variables[0], named[int(n)].strip()) for i, n in enumerate(chosen)]


def _without_gpus(gpus: str, count: int | None) -> list[Replica]:
    if gpus or count is None:
        raise Refusal("there is no GPU that torch sees", "say how many replicas with --count 2")
    if count < 1:
        raise Refusal(f"--count {count}", "give a number from 1")
    return [Replica(i) for i in range(count)]


async def _run(asked: argparse.Namespace, flags: Sequence[str], replicas: list[Replica]) -> int:
    stop = _on_signals()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=_LIMITLESS, auto_decompress=False
    ) as session:
        proxy = Proxy(replicas, session)
        for replica in replicas:
            await replica.start(asked.model, flags)
        watches = [asyncio.create_task(_watch(r, replicas)) for r in replicas]
        try:
            return await _serve(asked, proxy, stop, watches)
        finally:
            for replica in replicas:
                replica.stop()
            await asyncio.gather(*watches)


def _on_signals() -> asyncio.Event:
    """Set by SIGINT and SIGTERM. `signal.signal`: Windows' loop has no handlers of its own."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    return stop


async def _watch(replica: Replica, replicas: Sequence[Replica]) -> None:
    await replica.watch()
    left = sum(r.alive for r in replicas)
    print(f"{replica.name} ended with code {replica.code}; {left} running", flush=True)


async def _serve(
    asked: argparse.Namespace,
    proxy: Proxy,
    stop: asyncio.Event,
    watches: Sequence[asyncio.Task[None]],
) -> int:
    """Wait for the replicas, listen, and stop in order: refuse, drain, close."""
    stopped = asyncio.create_task(stop.wait())
    if not await _all_ready(proxy, stopped):
        return 0 if stop.is_set() else FAILED
    runner = web.AppRunner(proxy.application(), handler_cancellation=True, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, asked.host, int(asked.port)).start()
    print(f"{len(proxy.replicas)} replicas behind http://{asked.host}:{asked.port}", flush=True)
    try:
        all_ended = asyncio.create_task(_all(watches))
        either: set[asyncio.Task[Any]] = {stopped, all_ended}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        proxy.stopping = True
        for replica in proxy.replicas:
            replica.stop()  # each gives its requests --shutdown-timeout
        await all_ended
    finally:
        await runner.cleanup()
    if stop.is_set():
        return 0
    print("vllm-gfx replicas: no replica is left", file=sys.stderr)
    return FAILED


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
