"""Wine: finding it, and its drive C below build/."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

from tools.cache import sha256_of
from tools.errors import ToolError
from tools.prefix import LEAKS
from tools.windows import desktop, native, rig

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
        if not _is_ready():
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_ready():  # whoever had the lock may have made them
                _make()
        fcntl.flock(lock, fcntl.LOCK_SH)
        try:
            with desktop.kept(str(PROGRAM), environment()):
                yield
        finally:
            _end_if_last(lock.fileno())


def _made_by() -> str:
    """Changes when the drives have to be made anew."""
    state = PROGRAM.stat()
    return f"{state.st_size} {state.st_mtime_ns} {sha256_of(native.RANDOM_SOURCE)}\n"


def _is_ready() -> bool:
    file = rig.DRIVES / READY
    return file.is_file() and file.read_text(encoding="utf-8") == _made_by()


def _make() -> None:
    _server("--kill", "--wait")  # of a run that was killed
    shutil.rmtree(rig.DRIVES, ignore_errors=True)
    rig.WORK.mkdir(parents=True, exist_ok=True)
    for command in SETUP:
        done = subprocess.run(
            [str(PROGRAM), *command], env=environment(), input="", capture_output=True, text=True
        )
        if done.returncode:
            last = done.stderr.strip()[-200:]
            raise ToolError(f"{command[0]} of Wine ended with {done.returncode}: {last}")
    system = rig.DRIVES / "drive_c" / "windows" / "system32"
    library = native.bcryptprimitives_dll(rig.WORK)
    (system / "bcryptprimitives.dll").write_bytes(library)
    (rig.DRIVES / READY).write_text(_made_by(), encoding="utf-8")


def _end_if_last(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    _server("--kill", "--wait")


def _server(*orders: str) -> None:
    """It says with its exit code that there was none, which is as good."""
    for order in orders:
        subprocess.run([str(SERVER), order], env=environment(), check=False, capture_output=True)
