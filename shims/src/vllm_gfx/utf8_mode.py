"""Windows Python reads text files in the system's code page, unless it was started in UTF-8 mode.

An activated environment asks for that mode (PYTHONUTF8). Where a program of an environment is run
without, it starts itself again: the mode cannot be changed in a process that runs. PEP 540; until
Python 3.15, whose default it is (PEP 686).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

VARIABLE = "PYTHONUTF8"
LEFT_TO_THE_PROGRAM = ("SIGINT", "SIGBREAK")  # the console tells both processes


def is_needed() -> bool:
    """Whether this process reads in a code page, and nobody asked for that."""
    return sys.platform == "win32" and not sys.flags.utf8_mode and not os.environ.get(VARIABLE)


def restart() -> int:
    """Run this program again in UTF-8 mode; its exit code, in the form that sys.exit passes on."""
    for name in LEFT_TO_THE_PROGRAM:
        if found := getattr(signal, name, None):
            signal.signal(found, lambda *_: None)  # SIG_IGN might be inherited
    command = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
    code = subprocess.Popen(command, env={**os.environ, VARIABLE: "1"}).wait()
    return code - (1 << 32) if code >> 31 > 0 else code  # sys.exit takes a signed C int
