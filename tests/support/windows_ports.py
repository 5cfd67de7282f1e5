"""Windows' TCP ports without Windows: what a second bind says, by Microsoft's table.

"Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE", the table of Windows Server 2003 and later for two
programs of the same user.
"""

from __future__ import annotations

import errno
import socket as real
from types import SimpleNamespace
from typing import Any

DEFAULT, REUSE, EXCLUSIVE = 0, real.SO_REUSEADDR, ~real.SO_REUSEADDR
_OPTIONS = (DEFAULT, REUSE, EXCLUSIVE)
_USED, _DENIED = errno.EADDRINUSE, errno.EACCES  # WSAEADDRINUSE; WSAEACCES, whose errno is this
# First bind -> what the second says, for each option: of all addresses, of a specific one.
_SECOND: dict[tuple[int, bool], tuple[int, ...]] = {
    (DEFAULT, True): (_USED, 0, _DENIED, 0, _USED, 0),
    (DEFAULT, False): (0, _USED, 0, _DENIED, _USED, _USED),
    (REUSE, True): (_USED, 0, 0, 0, _USED, 0),
    (REUSE, False): (0, _USED, 0, 0, _USED, _USED),
    (EXCLUSIVE, True): (_USED, _DENIED, _DENIED, _DENIED, _USED, _DENIED),
    (EXCLUSIVE, False): (0, _USED, 0, _DENIED, _USED, _USED),
}
_ALL = ("", "0.0.0.0", "::")


class Windows:
    """Its sockets, what they are bound to, and the ports that it keeps for itself."""

    def __init__(self) -> None:
        self.bound: list[Socket] = []
        self.listened: list[Socket] = []
        self.reserved: set[int] = set()

    def module(self) -> SimpleNamespace:
        """For a name `socket`."""
        names = {name: getattr(real, name) for name in dir(real) if name.isupper()}
        made = {"SO_EXCLUSIVEADDRUSE": EXCLUSIVE, "socket": lambda *_: Socket(self)}
        return SimpleNamespace(**{**names, **made})

    def other(self, host: str, port: int, option: int = DEFAULT) -> Socket:
        """Another program of this user listens there."""
        made = Socket(self)
        made.setsockopt(real.SOL_SOCKET, option, 1)
        made.bind((host, port))
        return made


class Socket:
    def __init__(self, windows: Windows) -> None:
        self.windows, self.option, self.address = windows, DEFAULT, ("", 0)

    def __enter__(self) -> Socket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def setsockopt(self, level: int, option: int, value: int) -> None:
        assert (level, value) == (real.SOL_SOCKET, 1)
        self.option = option

    def bind(self, address: tuple[str, int]) -> None:
        codes = [self._beside(first, address) for first in self.windows.bound]
        codes += [_DENIED] * (address[1] in self.windows.reserved)
        if code := next(filter(None, codes), 0):
            raise OSError(code, "Windows' own words, in the user's language")
        self.address = address
        self.windows.bound.append(self)

    def _beside(self, first: Socket, address: tuple[str, int]) -> int:
        everywhere = address[0] in _ALL
        if first.address[1] != address[1]:
            return 0
        if not first.everywhere and not everywhere and first.address != address:
            return 0
        column = 2 * _OPTIONS.index(self.option) + (not everywhere)
        return _SECOND[first.option, first.everywhere][column]

    @property
    def everywhere(self) -> bool:
        return self.address[0] in _ALL

    def listen(self, *_: Any) -> None:
        self.windows.listened.append(self)

    def close(self) -> None:
        if self in self.windows.bound:
            self.windows.bound.remove(self)
