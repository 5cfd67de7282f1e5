"""Waits for any number of sockets. Windows' select() takes 512: with more, asyncio's loop ends in
ValueError, and with it a server to which that many clients are connected.
"""

from __future__ import annotations

import select
import selectors
import time
from collections.abc import Iterator, Sequence
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey

MOST = 512  # FD_SETSIZE of Python's build for Windows
PAUSE = 0.01  # seconds between two looks at more than that


class Selector(selectors.SelectSelector):
    """A SelectSelector that looks at more than MOST sockets part by part."""

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """The keys that are ready, and for what, within `timeout` seconds."""
        keys = list(self.get_map().values())
        if len(keys) <= MOST:
            return super().select(timeout)
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            parts = (keys[i : i + MOST] for i in range(0, len(keys), MOST))
            found = [ready for part in parts for ready in _ready(part)]
            if found or (end is not None and time.monotonic() >= end):
                return found
            time.sleep(PAUSE)


def _ready(keys: Sequence[SelectorKey]) -> Iterator[tuple[SelectorKey, int]]:
    """Those of at most MOST keys that are ready now."""
    readers = [key.fd for key in keys if key.events & EVENT_READ]
    writers = [key.fd for key in keys if key.events & EVENT_WRITE]
    # A connection that fails is an exception on Windows; asyncio expects it to be writable.
    readable, writable, failed = select.select(readers, writers, writers, 0)
    read, write = set(readable), {*writable, *failed}
    for key in keys:
        events = (EVENT_READ if key.fd in read else 0) | (EVENT_WRITE if key.fd in write else 0)
        if events & key.events:
            yield key, events & key.events
