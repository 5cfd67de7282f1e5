"""Downloaded files, kept by their sha256 and shared by every checkout on this machine.

Layout: `<root>/sha256/<digest>/<file name>` plus `verified`, the size and time of the file when its
digest was last computed. A file that still has both is taken as it is; any other is hashed again,
and one that no longer has its digest is thrown away, by name, and fetched again.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import platformdirs

from tools.errors import ToolError

Progress = Callable[[str], None]
STAMP = "verified"
ABANDONED = 24 * 3600  # seconds; no download takes that long


def root() -> Path:
    """The folder of the cache: `$VLLM_GFX_CACHE`, else this user's cache folder."""
    chosen = os.environ.get("VLLM_GFX_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("vllm-gfx"))


def sha256_of(path: Path) -> str:
    """The hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find(sha256: str, progress: Progress) -> Path | None:
    """The cached file with this digest; None if absent or if it was damaged and had to go."""
    folder = root() / "sha256" / sha256
    files = [p for p in folder.iterdir() if p.name != STAMP] if folder.is_dir() else []
    if not files:
        return None
    file = files[0]
    if _stamp_of(file) == _read_stamp(folder):
        return file
    if sha256_of(file) == sha256:
        (folder / STAMP).write_text(_stamp_of(file), encoding="utf-8")
        return file
    progress(f"cache: {file.name} is damaged (not sha256 {sha256[:12]}...), fetching it again")
    shutil.rmtree(folder)
    return None


def add(file: Path, sha256: str) -> Path:
    """Move `file` into the cache under its digest; raises ToolError if that is another one."""
    actual = sha256_of(file)
    if actual != sha256:
        raise ToolError(
            f"{file.name} has sha256 {actual}, expected {sha256}",
            "the download is incomplete or the file was replaced: check the package index pip uses",
        )
    final = root() / "sha256" / sha256
    final.parent.mkdir(parents=True, exist_ok=True)
    with scratch() as folder:
        shutil.move(file, folder / file.name)
        (folder / STAMP).write_text(_stamp_of(folder / file.name), encoding="utf-8")
        if final.exists():
            shutil.rmtree(final)
        folder.rename(final)
    return final / file.name


@contextmanager
def scratch() -> Iterator[Path]:
    """A fresh folder on the cache's own disk, removed afterwards."""
    parent = root() / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(progress: Progress) -> Iterator[None]:
    """Hold the cache for writing; a second process waits, and says so."""
    root().mkdir(parents=True, exist_ok=True)
    with held(root() / "lock", "another run is downloading", progress):
        _remove_abandoned()
        yield


@contextmanager
def held(file: Path, reason: str, progress: Progress) -> Iterator[None]:
    """Hold lock `file`; if it is taken, tell `reason` and wait until its holder ends or dies."""
    lock = filelock.FileLock(file)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        progress(f"{reason}, waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _remove_abandoned() -> None:
    """Remove scratch folders of runs that were killed."""
    for folder in (root() / "tmp").glob("*"):
        if time.time() - folder.stat().st_mtime > ABANDONED:
            shutil.rmtree(folder, ignore_errors=True)


def _stamp_of(file: Path) -> str:
    status = file.stat()
    return json.dumps({"size": status.st_size, "mtime_ns": status.st_mtime_ns})


def _read_stamp(folder: Path) -> str:
    stamp = folder / STAMP
    return stamp.read_text(encoding="utf-8") if stamp.is_file() else ""
