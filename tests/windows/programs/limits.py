"""What Wine can do: each a program of a few lines, of Python and Windows alone."""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

assert sys.platform == "win32"  # for mypy too

KEYS = {"ctrl-c": signal.SIGINT, "ctrl-break": signal.SIGBREAK}
SECONDS = 60.0
WAIT = 30.0  # for what was sent, on a busy machine


def console(folder: str) -> dict[str, Any]:
    """Whether a process that presses the keys gets them itself, in a console of its own."""
    answer = Path(folder, "console.json")
    command = [sys.executable, __file__, "press", str(answer)]
    with answer.open("w", encoding="utf-8") as out:
        subprocess.run(
            command, creationflags=subprocess.CREATE_NO_WINDOW, check=True,
            timeout=SECONDS, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
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
        until = time.monotonic() + WAIT * bool(sent)
        while number not in arrived and time.monotonic() < until:
            time.sleep(0.05)
        said[name] = {"error": error, "arrived": number in arrived}
    return said


def real(name: str, kind: str) -> str:
    """What the C runtime's `name` says of 1.5 + 2.5i; nothing if that ends the process."""
    code = (
        "import ctypes, sys; function = ctypes.WinDLL('ucrtbase')[sys.argv[1]];"
        "function.restype = number = getattr(ctypes, sys.argv[2]);"
        "fields = {'_fields_': [('real', number), ('imaginary', number)]};"
        "print(function(type('Complex', (ctypes.Structure,), fields)(1.5, 2.5)))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, name, kind], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=SECONDS,
    ).stdout.strip()  # fmt: skip


def loads(dll: str) -> bool:
    try:
        ctypes.WinDLL(dll)
    except FileNotFoundError:
        return False
    return True


if __name__ == "__main__":
    programs: dict[str, Callable[..., Any]] = {
        "console": console, "press": press, "real": real, "loads": loads
    }  # fmt: skip
    what, *arguments = sys.argv[1:]
    print(json.dumps(programs[what](*arguments)))
