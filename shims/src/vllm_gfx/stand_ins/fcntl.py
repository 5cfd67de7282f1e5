"""`fcntl` for Windows, as far as vLLM uses it: `flock`, with the locks of Windows itself.

A lock is on one byte far beyond any file's end, because Windows keeps others from reading what is
locked and `flock` does not. It ends with the file's last handle, so also with the process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import time
from functools import cache
from importlib import import_module
from typing import Any, Protocol

LOCK_SH = 1
LOCK_EX = 2
LOCK_NB = 4
LOCK_UN = 8

_FAIL_IMMEDIATELY, _EXCLUSIVE = 1, 2  # flags of LockFileEx
_TAKEN = (33,)  # its error
_NOT_LOCKED = (158, 33)  # the error of UnlockFileEx on Windows, and under Wine
_PLACE_HIGH = 0x3FFFFFFF  # the upper half of the locked byte's offset
# Windows can wait by itself, but not be interrupted then: Ctrl-C would do nothing.
_POLL_SECONDS = 0.02


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


class _Overlapped(ctypes.Structure):
    _fields_ = (
        ("internal", ctypes.c_size_t),
        ("internal_high", ctypes.c_size_t),
        ("offset", ctypes.c_uint32),
        ("offset_high", ctypes.c_uint32),
        ("event", ctypes.c_void_p),
    )


def flock(fd: int | _HasFileno, operation: int) -> None:
    """Lock or unlock an open file, shared or exclusively.

    Waits for others unless LOCK_NB is set: then raises BlockingIOError. A file that is locked
    already changes the kind of its lock, as on Unix with a moment between the two.
    """
    handle = _handle(fd)
    unlock(handle)
    if operation & LOCK_UN:
        return
    if not operation & (LOCK_SH | LOCK_EX):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    while not lock(handle, exclusive=bool(operation & LOCK_EX)):
        if operation & LOCK_NB:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        time.sleep(_POLL_SECONDS)


def lock(handle: int, *, exclusive: bool) -> bool:
    """Whether the lock was free and is now held by `handle`."""
    flags = _FAIL_IMMEDIATELY | (_EXCLUSIVE if exclusive else 0)
    at = ctypes.byref(_Overlapped(offset_high=_PLACE_HIGH))
    held: bool = _kernel32().LockFileEx(ctypes.c_void_p(handle), flags, 0, 1, 0, at)
    return _unless(held, _TAKEN)


def unlock(handle: int) -> bool:
    """Whether `handle` held the lock."""
    at = ctypes.byref(_Overlapped(offset_high=_PLACE_HIGH))
    freed: bool = _kernel32().UnlockFileEx(ctypes.c_void_p(handle), 0, 1, 0, at)
    return _unless(freed, _NOT_LOCKED)


def _handle(fd: int | _HasFileno) -> int:
    msvcrt: Any = import_module("msvcrt")
    found: int = msvcrt.get_osfhandle(fd if isinstance(fd, int) else fd.fileno())
    return found


@cache
def _kernel32() -> Any:
    dll: Any = ctypes
    return dll.WinDLL("kernel32", use_last_error=True)


def _unless(done: bool, expected: tuple[int, ...]) -> bool:
    """False for an `expected` error; raises OSError for another."""
    windows: Any = ctypes
    if not done and (code := windows.get_last_error()) not in expected:
        raise windows.WinError(code)
    return bool(done)
