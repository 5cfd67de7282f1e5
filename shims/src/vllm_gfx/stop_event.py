"""An event of Windows by which one process asks another of the same user to stop."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

NAME = "Local\\vllm-gfx-stop-{}"  # of this logon session; the number of the process that is asked
EVENT_MODIFY_STATE = 0x0002
INFINITE = 0xFFFFFFFF


def exists() -> bool:
    """Whether this system has such events."""
    return hasattr(ctypes, "WinDLL")


@cache
def _kernel32() -> Any:
    windows: Any = ctypes  # has these names on Windows only
    library = windows.WinDLL("kernel32", use_last_error=True)
    handle, number = ctypes.c_void_p, ctypes.c_uint32
    library.CreateEventW.argtypes = (handle, ctypes.c_int, ctypes.c_int, ctypes.c_wchar_p)
    library.CreateEventW.restype = handle
    library.OpenEventW.argtypes = (number, ctypes.c_int, ctypes.c_wchar_p)
    library.OpenEventW.restype = handle
    library.SetEvent.argtypes = library.CloseHandle.argtypes = (handle,)
    library.WaitForSingleObject.argtypes = (handle, number)
    library.WaitForSingleObject.restype = number
    return library


def create() -> int:
    """The event by which this process is asked, for `wait`. Raises OSError."""
    event: int | None = _kernel32().CreateEventW(None, True, False, NAME.format(os.getpid()))
    if not event:
        windows: Any = ctypes
        raise windows.WinError(windows.get_last_error())
    return event


def wait(event: int) -> None:
    """Return when this process is asked."""
    _kernel32().WaitForSingleObject(event, INFINITE)


def ask(pid: int) -> bool:
    """Ask process `pid`; False if it does not listen."""
    if not (event := _kernel32().OpenEventW(EVENT_MODIFY_STATE, False, NAME.format(pid))):
        return False
    try:
        return bool(_kernel32().SetEvent(event))
    finally:
        _kernel32().CloseHandle(event)
