"""A console, a program in it, and somebody at its keyboard: `console.py PROGRAM ARGUMENTS...`

A line on standard input is a key: `ctrl-c` or `ctrl-break`, which all processes of the console get.
The program's exit code is printed when it has ended. The console has no window, and the program's
output goes where this one's goes.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
from ctypes import wintypes

assert sys.platform == "win32"  # for mypy too

INSIDE = "--in-the-console"
PROCESSES = 64  # more than a console has here
CREATE_THREAD_AND_QUERY = 0x0002 | 0x0008 | 0x0010 | 0x0020 | 0x0400
PYTHON = "python.exe"

kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
for name in ("GetModuleHandleW", "GetProcAddress", "OpenProcess", "CreateRemoteThread"):
    getattr(kernel32, name).restype = ctypes.c_void_p


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
    for line in sys.stdin:
        {"ctrl-c": ctrl_c, "ctrl-break": ctrl_break}[line.strip()]()


def ctrl_c() -> None:
    if not kernel32.GenerateConsoleCtrlEvent(int(signal.CTRL_C_EVENT), 0):
        raise ctypes.WinError(ctypes.get_last_error())


def ctrl_break() -> None:
    """What Windows' C runtime does in a process when the console sends it Ctrl-Break: raise the
    signal in a new thread. Wine's console refuses to send it (test_wine_limits.py)."""
    others = (wintypes.DWORD * PROCESSES)()
    count = kernel32.GetConsoleProcessList(others, PROCESSES)
    raises = kernel32.GetProcAddress(
        ctypes.c_void_p(kernel32.GetModuleHandleW("ucrtbase")), b"raise"
    )  # at the same address in every process: system libraries are
    for number in others[:count]:
        process = ctypes.c_void_p(kernel32.OpenProcess(CREATE_THREAD_AND_QUERY, False, number))
        if number != kernel32.GetCurrentProcessId() and _is_python(process):
            break_number = ctypes.c_void_p(signal.SIGBREAK)
            if not kernel32.CreateRemoteThread(
                process, None, ctypes.c_size_t(0), ctypes.c_void_p(raises), break_number, 0, None
            ):
                raise ctypes.WinError(ctypes.get_last_error())
        kernel32.CloseHandle(process)


def _is_python(process: ctypes.c_void_p) -> bool:
    """Launchers leave the key to the Python that they started."""
    file, size = ctypes.create_unicode_buffer(32768), wintypes.DWORD(32768)
    kernel32.QueryFullProcessImageNameW(process, 0, file, ctypes.byref(size))
    return file.value.lower().endswith(PYTHON)


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(inside(given[1:]) if given[:1] == [INSIDE] else outside(given))
