"""The channel on disk: which packages it must hold, and making the ones it lacks."""

import asyncio
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import filelock
from rattler.index import index_fs

from tools.cache import Progress
from tools.errors import ToolError
from tools.standin import convert, interpreter, lock, names, pip, platforms
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
    with filelock.FileLock(channel / ".lock"):
        state = channel / f".{platform}.json"
        if not _complete(state, channel, _key(target)):
            state.unlink(missing_ok=True)
            _update(channel, target, progress)
            _write_state(channel, state, target)


def _update(channel: Path, platform: Platform, progress: Progress) -> None:
    pins = lock.read(platform)
    files = pip.fetch(pins, platform, progress)
    jobs = [_job(channel, platform, pin, files[pin.sha256]) for pin in pins]
    _check_closed(jobs, platform)
    folder = channel / platform.name
    for name in (folder.name, "noarch"):
        (channel / name).mkdir(exist_ok=True)
    if not all((folder / name).is_file() for name in interpreter.file_names(platform)):
        progress("packaging the running Python")
        interpreter.write(folder, platform)
    _convert_all([job for job in jobs if not job.target.is_file()], platform, progress)
    _remove_others(channel, platform, jobs)
    progress("indexing")
    asyncio.run(index_fs(channel, write_zst=False, write_shards=False))


def _job(channel: Path, platform: Platform, pin: Pin, file: Path) -> Job:
    wheel = Wheel(file)
    folder = channel / convert.subdir(wheel, platform)
    target = folder / convert.file_name(wheel, pin.sha256, platform, pin.extras)
    return Job(wheel, target, frozenset(pin.extras))


def _convert_all(jobs: list[Job], platform: Platform, progress: Progress) -> None:
    jobs = sorted(jobs, key=lambda job: -job.wheel.path.stat().st_size)  # torch alone takes longest

    def run(job: Job) -> str:
        convert.convert(job.wheel, job.target, platform, job.extras)
        return job.wheel.name

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, done in enumerate(as_completed(pool.submit(run, job) for job in jobs), 1):
            progress(f"packaged {done.result()} ({number} of {len(jobs)})")


def _check_closed(jobs: list[Job], platform: Platform) -> None:
    """Every dependency is a package here: a gap would only show as an unsolvable environment."""
    here = {names.conda_name(job.wheel.name) for job in jobs} | {"python", "python_abi"}
    for job in jobs:
        for spec in convert.depends(job.wheel, platform, job.extras):
            name = spec.split(" ")[0]
            if name not in here and not name.startswith("__"):
                raise ToolError(
                    f"{lock.path(platform).name} lacks {spec}, which {job.wheel.name} needs",
                    "run `python dev.py lock`",
                )


def _wanted_by_others(channel: Path, platform: Platform) -> set[str]:
    states = [p for p in channel.glob(".*.json") if p.name != f".{platform.name}.json"]
    return {name for state in states for name in json.loads(state.read_text())["files"]}


def _remove_others(channel: Path, platform: Platform, jobs: list[Job]) -> None:
    """Remove packages of earlier locks; noarch ones that another platform has may stay."""
    keep = {job.target.name for job in jobs} | set(interpreter.file_names(platform))
    keep |= _wanted_by_others(channel, platform)
    for folder in (channel / "noarch", channel / platform.name):
        for file in folder.iterdir():
            if file.name.endswith((".conda", ".part")) and file.name not in keep:
                file.unlink()


def _key(platform: Platform) -> str:
    """Changes when any package of the channel would become another."""
    parts = [lock.path(platform).read_bytes(), names.TABLE.read_bytes()]
    parts.append(repr((convert.CONVERTER, interpreter.file_names(platform))).encode())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _complete(state: Path, channel: Path, key: str) -> bool:
    if not state.is_file():
        return False
    known = json.loads(state.read_text(encoding="utf-8"))
    sizes = known["files"]
    return known["key"] == key and all(_size(channel / path) == sizes[path] for path in sizes)


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None


def _write_state(channel: Path, state: Path, platform: Platform) -> None:
    folders = ("noarch", platform.name)
    files = [file for name in folders for file in sorted((channel / name).glob("*.conda"))]
    sizes = {file.relative_to(channel).as_posix(): _size(file) for file in files}
    sizes |= {f"{name}/repodata.json": _size(channel / name / "repodata.json") for name in folders}
    text = json.dumps({"key": _key(platform), "files": sizes}, indent=1)
    state.write_text(text, encoding="utf-8")
