"""`fcntl` for Windows: what flock promises, on Windows' two calls with a table of locks in place.

The same promises between two real processes: tests/windows.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from vllm_gfx.early import file_locks
from vllm_gfx.stand_ins import fcntl

from tests.stand_ins import names

TAKEN, NOT_LOCKED, INVALID_HANDLE = 33, 158, 6
WRONG = 1 << 32  # as a pointer is -1 large
CONNECTOR = "distributed/kv_transfer/kv_connector/v1/example_hidden_states_connector.py"


class Kernel32:
    """LockFileEx and UnlockFileEx on one file, whose handles are small numbers."""

    def __init__(self) -> None:
        self.holders: dict[int, bool] = {}
        self.error = 0
        self.places: set[tuple[int, int]] = set()

    def LockFileEx(self, handle: Any, flags: int, zero: int, low: int, high: int, at: Any) -> bool:
        assert (zero, low, high) == (0, 1, 0) and flags & 1, "one byte, without waiting inside"
        self.places.add((at._obj.offset_high, at._obj.offset))
        exclusive = bool(flags & 2)
        if handle.value > WRONG:
            self.error = INVALID_HANDLE
        elif self.holders and (exclusive or any(self.holders.values())):
            self.error = TAKEN
        else:
            self.holders[handle.value] = exclusive
            return True
        return False

    def UnlockFileEx(self, handle: Any, zero: int, low: int, high: int, at: Any) -> bool:
        self.places.add((at._obj.offset_high, at._obj.offset))
        self.error = INVALID_HANDLE if handle.value > WRONG else NOT_LOCKED
        return self.holders.pop(handle.value, None) is not None


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Kernel32:
    kernel32 = Kernel32()
    monkeypatch.setattr(fcntl, "_kernel32", lambda: kernel32)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(get_osfhandle=lambda fd: fd))
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it waits for nobody"))
    monkeypatch.setattr(ctypes, "get_last_error", lambda: kernel32.error, raising=False)
    monkeypatch.setattr(ctypes, "WinError", lambda code: OSError(code, "Windows"), raising=False)
    return kernel32


def _free(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return True


def test_an_exclusive_lock_excludes_all(windows: Kernel32) -> None:
    fcntl.flock(1, fcntl.LOCK_EX)
    assert not _free(2, fcntl.LOCK_SH) and not _free(2, fcntl.LOCK_EX)
    fcntl.flock(1, fcntl.LOCK_UN)
    assert _free(2, fcntl.LOCK_EX) and windows.holders == {}
    ((high, _),) = windows.places
    assert high >= 1 << 29, "within what a file of any size may hold"


def test_shared_locks_exclude_exclusive_ones(windows: Kernel32) -> None:
    fcntl.flock(1, fcntl.LOCK_SH)
    assert _free(2, fcntl.LOCK_SH) and not _free(2, fcntl.LOCK_EX)


def test_a_lock_changes_its_kind(windows: Kernel32) -> None:
    fcntl.flock(1, fcntl.LOCK_SH)
    fcntl.flock(1, fcntl.LOCK_EX)
    assert windows.holders == {1: True}
    fcntl.flock(1, fcntl.LOCK_SH)
    assert windows.holders == {1: False}


def test_it_waits_for_the_holder(windows: Kernel32, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl.flock(1, fcntl.LOCK_EX)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        assert len(waits) <= 3
        if len(waits) == 3:
            fcntl.flock(1, fcntl.LOCK_UN)

    monkeypatch.setattr(time, "sleep", sleep)
    fcntl.flock(SimpleNamespace(fileno=lambda: 2), fcntl.LOCK_SH)
    assert len(waits) == 3 and windows.holders == {2: False}


@pytest.mark.parametrize(
    "call", [lambda: fcntl.flock(1, 0), lambda: fcntl.flock(-1, 2), lambda: fcntl.flock(-1, 8)]
)
def test_what_is_wrong_is_an_error(windows: Kernel32, call: Callable[[], None]) -> None:
    with pytest.raises(OSError, match=r"Invalid argument|Windows"):
        call()


def test_needed_while_vllm_imports_it_and_this_system_has_it() -> None:
    """Expiry of file_locks: no import of fcntl is left but in what serves Unix sockets."""
    importers = dict(names.imports(names.source("vllm"), frozenset({"fcntl"})))
    assert CONNECTOR in importers, "file_locks can go"
    assert file_locks.needed() is False, "here is the real one"


def test_needed_where_python_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)  # taken back at the end
    assert file_locks.needed()
    file_locks.install()
    assert sys.modules["fcntl"] is fcntl
    assert file_locks.needed(), "what is there is ours"
