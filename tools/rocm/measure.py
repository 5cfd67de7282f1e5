"""A release on AMD's index: its files, downloaded once, compared with their RECORD, measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pypi_simple import DistributionPackage

from recipes.repack import OpenedWheel, WheelError
from recipes.repack.unpack import verify
from tools import cache, paths, recipes
from tools.cache import Progress
from tools.errors import ToolError
from tools.rocm import pins, store
from tools.rocm.index import Index
from tools.rocm.jobs import StackJob
from tools.standin import pip


@dataclass
class Release:
    """What is pinned: `rocm`, for the torch of pins.yaml, and what the index adds to that."""

    rocm: str
    index: Index
    known: pins.Pins

    @property
    def local(self) -> str:
        return f"rocm{self.rocm}"

    @property
    def torch(self) -> str:
        return f"{recipes.shared_pins()['torch']}+{self.local}"


def listed_in(release: Release, name: str) -> DistributionPackage:
    project = pins.project(name)
    found = release.index.file(name, project)
    if found is None:
        raise ToolError(
            f"the page of {project} at {release.index.root} does not list {name}",
            "that Python, platform or version is not published there",
        )
    return found


def measured(release: Release, name: str, progress: Progress) -> Path:
    """The file in the cache; its row is written, one that has a hash stays as it is.

    Raises ToolError if it is not a whole wheel, or another than its row or the index says.
    """
    known = release.known.wheels.get(name)
    if known and known.sha256 and (found := cache.find(known.sha256, progress)):
        return found
    listed = listed_in(release, name)
    url = listed.url.partition("#")[0]
    with store.downloaded(url, name, progress) as file:
        progress(f"{name}: comparing with its RECORD")
        whole(file)
        sha256, size = store.measure(file)
        told = {listed.digests.get("sha256"), known.sha256 if known else None}
        if others := sorted(told - {None, sha256}, key=str):
            raise ToolError(
                f"{name} has sha256 {sha256}, {paths.shown(paths.ROCM)} or its index says"
                f" {others[0]}",
                "the file was replaced or the download is damaged; nothing was pinned",
            )
        with cache.locked(progress):
            found = cache.add(file, sha256)
    if not (known and known.sha256):
        given = None if url == release.known.below_index(name) else url
        release.known.wheels[name] = pins.Pin(sha256=sha256, size=size, url=given)
        pins.write(release.known)
    return found


def from_pip(release: Release, name: str, job: StackJob, progress: Progress) -> None:
    """A file of the index that pip is given, measured."""
    project, version = name.split("-")[:2]
    with cache.scratch() as folder:
        platform = store.with_python(job.on, job.python)
        pip.download([f"{project.replace('_', '-')}=={version}"], folder, platform, hashes=False)
        whole(folder / name)
        sha256, size = store.measure(folder / name)
        with cache.locked(progress):
            cache.add(folder / name, sha256)
    release.known.wheels[name] = pins.Pin(sha256=sha256, size=size, index="pip")
    pins.write(release.known)


def whole(file: Path) -> None:
    """Raise ToolError unless every file of a wheel is what its RECORD says."""
    if file.suffix != ".whl":
        return
    try:
        with OpenedWheel(file) as wheel:
            verify(wheel)
    except WheelError as error:
        raise ToolError(str(error), "download it again; nothing was pinned") from None
