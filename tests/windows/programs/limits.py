"""What Wine can do: each a program of a few lines, of Python and Windows alone."""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

assert sys.platform == "win32"  # for mypy too

KEYS = {"ctrl-c": signal.SIGINT, "ctrl-break": signal.SIGBREAK}
WAIT = 2.0  # seconds; where it arrives, it does so at once


def console(folder: str) -> dict[str, Any]:
    """Whether a process that presses the keys gets them itself, in a console of its own."""
    answer = Path(folder, "console.json")
    command = [sys.executable, __file__, "press", str(answer)]
    with answer.open("w", encoding="utf-8") as out:
        subprocess.run(
            command, creationflags=subprocess.CREATE_NO_WINDOW, check=True,
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
    return dict(json.loads(answer.read_text(encoding="utf-8")))


def press(_answer: str) -> dict[str, Any]:
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    arrived: list[int] = []
    said = {}
    for event, (name, number) in enumerate(KEYS.items()):
        signal.signal(number, lambda got, _: arrived.append(got))
        sent = kernel32.GenerateConsoleCtrlEvent(event, 0)
        error = 0 if sent else ctypes.get_last_error()
        until = time.monotonic() + WAIT
        while number not in arrived and time.monotonic() < until:
            time.sleep(0.05)
        said[name] = {"error": error, "arrived": number in arrived}
    return said


if __name__ == "__main__":
    what, argument = sys.argv[1:]
    print(json.dumps({"console": console, "press": press}[what](argument)))
