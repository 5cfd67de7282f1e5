"""Refuses sockets of the internet to this process and its children, whatever they are written in.

A seccomp filter, which the kernel applies to `socket(AF_INET or AF_INET6, ...)`: it fails as on a
machine with no network. Linux on x86-64; there is no way back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct

LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # instructions of the packet filter
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.ENETUNREACH
NUMBER, FIRST_ARGUMENT = 0, 16  # offsets in struct seccomp_data
SOCKET = 41  # the number of socket() on x86-64
NO_NEW_PRIVILEGES, SET_FILTER, MODE_FILTER = 38, 22, 2
PROGRAM = (
    (LOAD, 0, 0, NUMBER),
    (JUMP_IF_EQUAL, 0, 3, SOCKET),
    (LOAD, 0, 0, FIRST_ARGUMENT),
    (JUMP_IF_EQUAL, 2, 0, socket.AF_INET),
    (JUMP_IF_EQUAL, 1, 0, socket.AF_INET6),
    (RETURN, 0, 0, ALLOW),
    (RETURN, 0, 0, FAIL),
)


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_void_p))


def refuse_network() -> None:
    """Raises OSError if the kernel does not take the filter."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in PROGRAM))
    given = _Filter(len(PROGRAM), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((NO_NEW_PRIVILEGES, 1, 0, 0, 0), (SET_FILTER, MODE_FILTER, given, 0, 0)):
        last = [ctypes.byref(a) if isinstance(a, _Filter) else a for a in arguments]
        if libc.prctl(*last):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
