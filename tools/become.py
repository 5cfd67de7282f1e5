"""Running a program in place of this process, or, on Windows, as if.

dev.py imports this before there is a .venv: standard library only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

LEFT_TO_THE_PROGRAM = ("SIGINT", "SIGBREAK")  # Ctrl-C and, on Windows, Ctrl-Break


def become(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Run `command`, whose first word is a path, and end as it ends."""
    if os.name == "nt":  # there exec starts another process and ends this one at once
        sys.exit(outlast(command, environment))
    os.execve(command[0], list(command), environment)


def outlast(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run `command` and wait for it; its exit code, in the form that sys.exit passes on.

    A console tells every process in it of Ctrl-C. The program decides what that means, and may
    take a while to end: until then this one neither ends nor kills it.
    """
    for name in LEFT_TO_THE_PROGRAM:
        if found := getattr(signal, name, None):
            signal.signal(found, lambda *_: None)  # SIG_IGN might be inherited
    code = subprocess.Popen(command, env=environment).wait()
    return code - (1 << 32) if code >> 31 > 0 else code  # sys.exit takes a signed C int
