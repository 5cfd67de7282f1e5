"""Progress on the terminal: what is running now, and how long each finished step took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Step:
    """The step that is running; call it with a text to say what it is doing right now."""

    def __init__(self, title: str, status: Status | None) -> None:
        self.title = title
        self.note = ""
        self._status = status

    def __call__(self, detail: str) -> None:
        if self._status:
            self._status.update(f"{self.title}: {detail}")

    def done(self, note: str) -> None:
        """What to print beside the title when the step ends."""
        self.note = note


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show `title` while the block runs, then one line with its time."""
    started = time.monotonic()
    if err.is_terminal:
        with err.status(title) as status:
            current = Step(title, status)
            yield current
    else:
        err.print(f"[dim]..[/] {title}", style="dim")
        current = Step(title, None)
        yield current
    note = f": {current.note}" if current.note else ""
    err.print(f"[green]ok[/] {title}{note} ({time.monotonic() - started:.1f} s)")
