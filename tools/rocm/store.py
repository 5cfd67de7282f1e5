"""The wheels on disk: from the download cache, a folder or the index, always by their hash."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import requests

from tools import cache, paths, source
from tools.cache import Progress
from tools.errors import ToolError
from tools.rocm.pins import Pins, known
from tools.standin import pip
from tools.standin.platforms import Platform, get

TIMEOUT = 60  # seconds without a byte
CHUNK = 1 << 20


def place(pins: Pins, name: str, platform: str, folder: Path | None, progress: Progress) -> Path:
    """File `name` in build/wheels; its path. Raises ToolError if it cannot be had or is another.

    `folder` holds files that were downloaded by other means; they are copied.
    """
    pin = known(pins, name)
    assert pin.sha256
    target = paths.WHEELS / name
    with cache.locked(progress):
        found = cache.find(pin.sha256, progress) or _get(pins, name, platform, folder, progress)
        if not (target.is_file() and target.samefile(found)):
            source.place(found, target)
    return target


def _get(pins: Pins, name: str, platform: str, folder: Path | None, progress: Progress) -> Path:
    pin = pins.wheels[name]
    assert pin.sha256
    if folder and (folder / name).is_file():
        _whole(folder / name, pin.size)
        with cache.scratch() as scratch:
            return cache.add(Path(shutil.copyfile(folder / name, scratch / name)), pin.sha256)
    if pin.index == "pip":
        project, version = name.split("-")[:2]
        one = pip.Pin(project.replace("_", "-"), version, pin.sha256)
        return _pip_has(one, platform, name)
    with downloaded(pins.url(name), name, progress) as file:
        _whole(file, pin.size)
        return cache.add(file, pin.sha256)


def _pip_has(pin: pip.Pin, platform: str, name: str) -> Path:
    """The file as the ordinary pip client gets it, for the Python that the name says."""
    tag = name.split("-")[2]
    python = f"{tag[2]}.{tag[3:]}"
    with cache.scratch() as folder:
        pip.download([pin.line()], folder, with_python(platform, python))
        return cache.add(folder / name, pin.sha256)


def with_python(platform: str, python: str) -> Platform:
    """The platform with another Python ("3.12") than the stand-in has."""
    found = get(platform)
    full = {"python_version": python, "python_full_version": f"{python}.0"}
    markers = {**found.markers, **full, "implementation_version": f"{python}.0"}
    return replace(found, python=python, markers=markers)


def _whole(file: Path, size: int | None) -> None:
    actual = file.stat().st_size
    if size and actual < size:
        raise ToolError(f"{file.name} is truncated: {actual} of {size} bytes", "download it again")


@contextmanager
def downloaded(url: str, name: str, progress: Progress) -> Iterator[Path]:
    """`url` as file `name` in a scratch folder of the cache. Raises ToolError if that fails."""
    with cache.scratch() as folder:
        file = folder / name
        try:
            with requests.get(url, stream=True, timeout=TIMEOUT) as answer, file.open("wb") as out:
                answer.raise_for_status()
                total = int(answer.headers.get("Content-Length", 0))
                for chunk in answer.iter_content(CHUNK):
                    out.write(chunk)
                    progress(f"{name}: {out.tell() >> 20} of {total >> 20} MB")
        except requests.RequestException as error:
            raise ToolError(
                f"cannot download {name}: {_reason(error)}",
                "give a folder that holds it with --wheels, or try where that host can be reached",
            ) from None
        _whole(file, total)
        yield file


def _reason(error: requests.RequestException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) < 200 else f"{type(error).__name__} {text[:180]}..."


def measure(file: Path) -> tuple[str, int]:
    """sha256 and size in bytes."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest(), file.stat().st_size
