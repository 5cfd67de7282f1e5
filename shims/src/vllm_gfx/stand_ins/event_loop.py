"""The event loop of vLLM's processes on Windows: one that polls sockets and handles signals.

ZeroMQ and vLLM's HTTP server need `add_reader`, which Windows' default loop (Proactor) lacks; the
server needs `add_signal_handler`, which no loop has there.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVarTuple

from vllm_gfx.stand_ins.selector import Selector

_Arguments = TypeVarTuple("_Arguments")


class Loop(asyncio.SelectorEventLoop):
    """A selector loop that a signal wakes up."""

    _csock: Any  # of BaseSelectorEventLoop: what is written here wakes the loop

    def __init__(self) -> None:
        super().__init__(Selector())
        self._handled: set[int] = set()
        # select() goes on under a signal on Windows; asyncio's other loops do the same for that.
        self._wakes = threading.current_thread() is threading.main_thread()
        if self._wakes:
            # A full buffer wakes as well. Wine says so, too, when two threads write at once.
            signal.set_wakeup_fd(self._csock.fileno(), warn_on_full_buffer=False)

    def add_signal_handler(
        self,
        sig: int,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
    ) -> None:
        """Call `callback` in this loop when `sig` arrives."""

        def arrived(number: int, frame: FrameType | None) -> None:
            self.call_soon_threadsafe(callback, *args)

        signal.signal(sig, arrived)
        self._handled.add(sig)

    def remove_signal_handler(self, sig: int) -> bool:
        """Give `sig` its usual meaning back; whether it had a handler."""
        if sig not in self._handled:
            return False
        self._handled.remove(sig)
        usual = signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL
        signal.signal(sig, usual)
        return True

    def close(self) -> None:
        """Close the loop; its signals get their usual meaning back."""
        if not self.is_closed():
            for sig in list(self._handled):
                self.remove_signal_handler(sig)
            if self._wakes:
                signal.set_wakeup_fd(-1)
        super().close()


class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes every new event loop a `Loop`."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """A new `Loop`."""
        return Loop()
