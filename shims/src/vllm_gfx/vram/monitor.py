"""A thread that looks at regular intervals."""

from __future__ import annotations

import threading
from collections.abc import Callable

SECONDS = 2.0  # between readings; one takes milliseconds, and a spill lasts until somebody acts


class Monitor:
    """Calls `look` every SECONDS until it returns False or `stop` is called.

    `wait`: sleeps so many seconds, True if it was woken to end; tests have a clock of their own.
    """

    def __init__(
        self, look: Callable[[], bool], wait: Callable[[float], bool] | None = None
    ) -> None:
        self._look = look
        self._ended = threading.Event()
        self._wait = wait or self._ended.wait
        self._thread = threading.Thread(target=self._run, name="vllm-gfx vram", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._ended.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._wait(SECONDS) and self._look():
            pass
