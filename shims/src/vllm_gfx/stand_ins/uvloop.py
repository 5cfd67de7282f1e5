"""Stands in for uvloop, which does not exist for Windows: the names vLLM and uvicorn use of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from vllm_gfx.stand_ins.event_loop import EventLoopPolicy, Loop

__version__ = "0"
__all__ = ["EventLoopPolicy", "Loop", "install", "new_event_loop", "run"]

_T = TypeVar("_T")


def new_event_loop() -> Loop:
    """A new event loop."""
    return Loop()


def install() -> None:
    """Make every new event loop of this process a `Loop`."""
    asyncio.set_event_loop_policy(EventLoopPolicy())


def run(main: Coroutine[Any, Any, _T], *, debug: bool | None = None) -> _T:
    """Run `main` in a new `Loop`, as asyncio.run does."""
    with asyncio.Runner(debug=debug, loop_factory=new_event_loop) as runner:
        return runner.run(main)
