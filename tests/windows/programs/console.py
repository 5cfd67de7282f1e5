"""A console, a program in it, and somebody who presses Ctrl-C: `console.py PROGRAM ARGUMENTS...`

A line on standard input presses: `c` sends Ctrl-C to the whole console, as the key does. The
program's exit code is printed when it has ended. A terminal is no part of this: the console has no
window, and the program's output goes where this one's goes.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading

assert sys.platform == "win32"  # for mypy too

INSIDE = "--in-the-console"


def outside(arguments: list[str]) -> int:
    """Start this file again in a console of its own, which a process can only get at its start."""
    command = [sys.executable, __file__, INSIDE, *arguments]
    return subprocess.run(
        command, creationflags=subprocess.CREATE_NO_WINDOW,
        stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr,
    ).returncode  # fmt: skip


def inside(command: list[str]) -> int:
    # Not SIG_IGN: a child would inherit that, and never see the key.
    signal.signal(signal.SIGINT, lambda *_: None)
    program = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=sys.stdout, stderr=sys.stderr
    )
    threading.Thread(target=press, daemon=True).start()
    while (code := _ended(program)) is None:
        pass
    print(f"ended with {code}", flush=True)
    return 0


def _ended(program: subprocess.Popen[bytes]) -> int | None:
    try:
        return program.wait(0.2)
    except subprocess.TimeoutExpired:  # a wait without an end would not see signals
        return None


def press() -> None:
    events = {"c": signal.CTRL_C_EVENT, "break": signal.CTRL_BREAK_EVENT}
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    for line in sys.stdin:
        sent = kernel32.GenerateConsoleCtrlEvent(int(events[line.strip()]), 0)
        print(f"pressed {line.strip()}: {ctypes.get_last_error() if not sent else 0}", flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(inside(given[1:]) if given[:1] == [INSIDE] else outside(given))
