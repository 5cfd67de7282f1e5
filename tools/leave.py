"""Ends this process without Python's finalization, which py-rattler 0.28 does not survive.

After an `asyncio.run` its threads may still hold Python objects; when one lets go of them while the
interpreter is being taken down, Python aborts ("PyGILState_Release: thread state must be current").
Remove when py-rattler waits for its threads. As a pytest plug-in (`-p tools.leave`) this does the
same for a run of pytest.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

_status: list[int] = []


def leave(code: int) -> NoReturn:
    """Flush what was printed and end with `code`."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def pytest_sessionfinish(exitstatus: int) -> None:
    _status.append(int(exitstatus))


def pytest_unconfigure() -> None:
    if _status:
        leave(_status[-1])
