"""The channel on disk: which packages it must hold, and making the ones it lacks."""

import asyncio
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rattler.index import index_fs

from tools import cache
from tools.cache import Progress
from tools.errors import ToolError
from tools.standin import archive, convert, interpreter, lockfile, names, pip, platforms
from tools.standin.pip import Pin
from tools.standin.platforms import Platform
from tools.standin.wheel import Wheel


@dataclass(frozen=True)
class Job:
    """One wheel that has to be one package of the channel."""

    wheel: Wheel
    target: Path
    extras: frozenset[str]


def ensure(channel: Path, platform: str, progress: Progress) -> None:
    """Make or update the indexed conda channel at `channel` for `platform` ("linux-64").

    Takes what the committed lock names from the download cache or the package index; packages that
    are there already are kept, and an interrupted run is continued. Raises ToolError if a wheel
    cannot be had, or if this Python cannot stand in for conda-forge's.
    """
    target = platforms.get(platform)
    interpreter.check(target)
    channel = channel.absolute()
    channel.mkdir(parents=True, exist_ok=True)
    with cache.held(channel / ".lock", f"another run updates {channel.name}", progress):
        state = channel / f".{platform}.json"
        if not _complete(state, channel, _key(target)):
            _remove_damaged(state, channel)
            state.unlink(missing_ok=True)
            _update(channel, target, progress)
            _write_state(channel, state, target)


def _update(channel: Path, platform: Platform, progress: Progress) -> None:
    pins = lockfile.read(platform)
    files = pip.fetch(pins, platform, progress)
    jobs = [_job(channel, platform, pin, files[pin.sha256]) for pin in pins]
    _check_closed(jobs, platform)
    folder = channel / platform.name
    folder.mkdir(exist_ok=True)
    if not all((folder / name).is_file() for name in interpreter.file_names(platform)):
        progress("packaging the running Python")
        interpreter.write(folder, platform)
    _convert_all([job for job in jobs if not job.target.is_file()], platform, progress)
    _remove_others(folder, {job.target.name for job in jobs}, platform)
    progress("indexing")
    asyncio.run(index_fs(channel, write_zst=False, write_shards=False))


def _job(channel: Path, platform: Platform, pin: Pin, file: Path) -> Job:
    wheel = Wheel(file)
    target = channel / platform.name / convert.file_name(wheel, pin.sha256, platform, pin.extras)
    return Job(wheel, target, frozenset(pin.extras))


def _convert_all(jobs: list[Job], platform: Platform, progress: Progress) -> None:
    jobs = sorted(jobs, key=lambda job: -job.wheel.path.stat().st_size)  # torch alone takes longest

    def run(job: Job) -> str:
        convert.convert(job.wheel, job.target, platform, job.extras)
        return job.wheel.name

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for number, done in enumerate(as_completed([pool.submit(run, job) for job in jobs]), 1):
                progress(f"packaged {done.result()} ({number} of {len(jobs)})")
        finally:
            pool.shutdown(cancel_futures=True)  # after an error or Ctrl-C do not finish the queue


def _check_closed(jobs: list[Job], platform: Platform) -> None:
    """Every dependency is a package here: a gap would only show as an unsolvable environment."""
    here = {names.conda_name(job.wheel.name) for job in jobs} | {"python", "python_abi"}
    for job in jobs:
        for spec in convert.depends(job.wheel, platform, job.extras):
            name = spec.split(" ")[0]
            if name not in here and not name.startswith("__"):
                raise ToolError(
                    f"{lockfile.path(platform).name} lacks {spec}, which {job.wheel.name} needs",
                    "run `python dev.py lock`",
                )


def _remove_others(folder: Path, wheels: set[str], platform: Platform) -> None:
    """Remove packages of earlier locks and what an interrupted run left half written."""
    keep = wheels | set(interpreter.file_names(platform))
    for file in folder.iterdir():
        if file.name.endswith((".conda", ".part")) and file.name not in keep:
            file.unlink()


def _key(platform: Platform) -> str:
    """Changes when any package of the channel would become another."""
    lock = lockfile.path(platform).read_text(encoding="utf-8")
    parts = [lock, archive.digest_of(convert.MADE_BY), *interpreter.file_names(platform)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _complete(state: Path, channel: Path, key: str) -> bool:
    if not state.is_file():
        return False
    known = json.loads(state.read_text(encoding="utf-8"))
    sizes = known["files"]
    return known["key"] == key and all(_size(channel / path) == sizes[path] for path in sizes)


def _remove_damaged(state: Path, channel: Path) -> None:
    """Packages are put in place whole; one that is not as it was then was damaged later."""
    known = json.loads(state.read_text(encoding="utf-8"))["files"] if state.is_file() else {}
    for path, size in known.items():
        if _size(channel / path) != size:
            (channel / path).unlink(missing_ok=True)


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None


def _write_state(channel: Path, state: Path, platform: Platform) -> None:
    files = sorted((channel / platform.name).glob("*.conda"))
    files += [channel / name / "repodata.json" for name in ("noarch", platform.name)]
    sizes = {file.relative_to(channel).as_posix(): _size(file) for file in files}
    text = json.dumps({"key": _key(platform), "files": sizes}, indent=1)
    state.write_text(text, encoding="utf-8")
