"""Signals that reach the waiting event loop of a vLLM process. Prints after how long each did."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time

from vllm_gfx.early import ctrl_break
from vllm_gfx.stand_ins import uvloop

SOON = 0.3


async def waits(number: int) -> float:
    """Seconds until a handler of SIGINT or SIGTERM ran that nothing else wakes the loop for."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    for handled in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(handled, done.set_result, None)
    threading.Timer(SOON, signal.raise_signal, (number,)).start()
    started = time.monotonic()
    await done
    return time.monotonic() - started


if __name__ == "__main__":
    ctrl_break.install()
    numbers = (signal.SIGINT, signal.SIGBREAK, signal.SIGTERM)
    print(json.dumps({number.name: uvloop.run(waits(number)) for number in numbers}))
