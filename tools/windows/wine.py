"""Wine: finding it, and its drive C below build/."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

from tools.errors import ToolError
from tools.prefix import LEAKS
from tools.windows import native, rig

PROGRAM = Path("/usr/lib/wine/wine64")  # Debian's; `wine` wants the 32-bit one beside it
REMEDY = "on Debian: apt-get install --no-install-recommends wine64"
SERVER = PROGRAM.with_name("wineserver64")
READY = "complete.txt"  # in the drives' folder, written last
SETUP = (["wineboot", "--init"], ["winecfg", "-v", "win10"])


def is_here() -> bool:
    return sys.platform == "linux" and PROGRAM.is_file()


def require() -> None:
    """Raise ToolError where there is no Wine."""
    if not is_here():
        raise ToolError(f"Windows Python runs under Wine, and {PROGRAM} is not there", REMEDY)


def windows_path(path: Path) -> str:
    """`path` as programs under Wine name it; drive Z is the root of this machine."""
    return str(PureWindowsPath(f"Z:{path.absolute()}"))


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process environment of programs under Wine: this process', the rig's, then `given`."""
    dropped = (*LEAKS, "DISPLAY", "WAYLAND_DISPLAY")
    inherited = {key: value for key, value in os.environ.items() if key not in dropped}
    ours = {"WINEPREFIX": str(rig.DRIVES), "WINEARCH": "win64", "LC_ALL": "C.UTF-8"}
    return {**inherited, **ours, **rig.environment(), **(given or {})}


@contextmanager
def drives() -> Iterator[None]:
    """Wine's drives while the block runs, made if they are not there.

    When the last of several runs leaves, Wine's server and all that runs under it are ended.
    """
    require()
    rig.FOLDER.mkdir(parents=True, exist_ok=True)
    with (rig.FOLDER / "wine.lock").open("w") as lock:
        if not (rig.DRIVES / READY).is_file():
            fcntl.flock(lock, fcntl.LOCK_EX)
            _make()
        fcntl.flock(lock, fcntl.LOCK_SH)
        try:
            yield
        finally:
            _end_if_last(lock.fileno())


def _make() -> None:
    if (rig.DRIVES / READY).is_file():
        return  # made by whoever had the lock
    rig.WORK.mkdir(parents=True, exist_ok=True)
    for command in SETUP:
        done = subprocess.run(
            [str(PROGRAM), *command], env=environment(), input="", capture_output=True, text=True
        )
        if done.returncode:
            raise ToolError(
                f"{command[0]} ended with {done.returncode}", done.stderr[-200:].strip()
            )
    system = rig.DRIVES / "drive_c" / "windows" / "system32"
    library = native.bcryptprimitives_dll(rig.WORK)
    (system / "bcryptprimitives.dll").write_bytes(library)
    (rig.DRIVES / READY).write_text("", encoding="utf-8")


def _end_if_last(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    for what in ("--kill", "--wait"):
        subprocess.run([str(SERVER), what], env=environment(), check=False)
