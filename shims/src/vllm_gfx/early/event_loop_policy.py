"""asyncio's default event loop on Windows cannot poll ZeroMQ sockets (it has no add_reader).

Without this an AsyncLLM under asyncio.run, and `vllm run-batch`, end in RuntimeError. The price:
in a process that imports vLLM asyncio.run starts no subprocesses on Windows, as only the default
loop does there. vLLM starts none so (tests/patches/test_windows.py would find one that came); a
program that does can run them in an asyncio.ProactorEventLoop of its own.
"""

from __future__ import annotations

import asyncio

APPLIES = ("win32",)
TARGET = "asyncio: the event loop policy"
UPSTREAM = "https://pyzmq.readthedocs.io, zmq.asyncio: needs the add_reader family"
REMOVE_WHEN = "zmq.asyncio works with Windows' default event loop without another package"


def needed() -> bool:
    """Whether the policy is the one Python starts with: a policy that was chosen stays."""
    return type(asyncio.get_event_loop_policy()) is asyncio.DefaultEventLoopPolicy


def install() -> None:
    """Make every new event loop one that polls sockets."""
    from vllm_gfx.stand_ins.event_loop import EventLoopPolicy

    asyncio.set_event_loop_policy(EventLoopPolicy())
