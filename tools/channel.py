"""Our channel on disk: packages arrive by a rename, and repodata.json follows them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rattler.index import index_fs

from tools import cache, paths, stamps
from tools.errors import is_no_space, no_space
from tools.trust import sbom


def publish(package: Path, subdir: str) -> str:
    """Move a finished package and its bill into the channel; its name below the channel."""
    folder = paths.CHANNEL / subdir
    folder.mkdir(parents=True, exist_ok=True)
    bill = sbom.path_of(package)
    bill.replace(folder / bill.name)
    package.replace(folder / package.name)
    return f"{subdir}/{package.name}"


def drop_strangers() -> None:
    """Remove packages that no stamp knows: left by a recipe that changed its version or went."""
    ours = {stamp.file for stamp in stamps.known()}
    for package in paths.CHANNEL.glob("*/*.conda"):
        if package.relative_to(paths.CHANNEL).as_posix() not in ours:
            package.unlink()
            sbom.path_of(package).unlink(missing_ok=True)


def is_indexed() -> bool:
    """Whether repodata.json names exactly the packages that the stamps know."""
    indexed = {
        f"{repodata.parent.name}/{name}": record["sha256"]
        for repodata in paths.CHANNEL.glob("*/repodata.json")
        for name, record in json.loads(repodata.read_text("utf-8"))["packages.conda"].items()
    }
    return indexed == {stamp.file: stamp.sha256 for stamp in stamps.known()}


def index() -> None:
    """Write repodata.json anew; a package may have changed under an unchanged name."""
    (paths.CHANNEL / "noarch").mkdir(parents=True, exist_ok=True)
    try:
        index_folder(paths.CHANNEL)
    except Exception as error:
        if is_no_space(error):
            raise no_space(paths.shown(paths.CHANNEL)) from None
        raise


def index_folder(folder: Path) -> None:
    """Write the repodata.json of every platform of the channel `folder`; the same packages give
    the same bytes, whenever they were indexed.

    A package is read, which takes twice its size of memory, if its size or time is another than
    when it was read last; or if anyone else wrote the repodata.json since.
    """
    now = _sizes_and_times(folder)
    with _kept(folder):
        _forget_changed(folder, now)
        asyncio.run(index_fs(folder, write_zst=False, write_shards=False))
    written = {}
    for repodata in folder.glob("*/repodata.json"):
        content = json.loads(repodata.read_text("utf-8"))
        for record in content["packages.conda"].values():
            record.pop("indexed_timestamp", None)
        _write(repodata, content)
        written[repodata.parent.name] = cache.sha256_of(repodata)
    _write(_indexed(folder), {"packages": now, "repodata": written})


def _indexed(folder: Path) -> Path:
    """Beside the channel, since what lies in it is listed: what was indexed when."""
    return folder.with_name(f"{folder.name}.indexed")


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    """If the block fails, put back every repodata.json, by a rename: the disk may be full."""
    held = {file: file.with_suffix(".kept") for file in folder.glob("*/repodata.json")}
    for file, kept in held.items():
        shutil.copyfile(file, kept)
    try:
        yield
    except BaseException:
        for file, kept in held.items():
            kept.replace(file)
        raise
    for kept in held.values():
        kept.unlink()


def _sizes_and_times(folder: Path) -> dict[str, list[int]]:
    found = {f"{p.parent.name}/{p.name}": p.stat() for p in folder.glob("*/*.conda")}
    return {name: [status.st_size, status.st_mtime_ns] for name, status in found.items()}


def _forget_changed(folder: Path, now: dict[str, list[int]]) -> None:
    """Take out of every repodata.json what is not as it was: the indexer trusts names."""
    file = _indexed(folder)
    then = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    for repodata in folder.glob("*/repodata.json"):
        subdir = repodata.parent.name
        if cache.sha256_of(repodata) != then.get("repodata", {}).get(subdir):
            repodata.unlink()
            continue
        content = json.loads(repodata.read_text("utf-8"))
        content["packages.conda"] = {
            name: record
            for name, record in content["packages.conda"].items()
            if now.get(f"{subdir}/{name}") == then["packages"].get(f"{subdir}/{name}")
        }
        _write(repodata, content)


def _write(file: Path, content: dict[str, Any]) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
    fresh.replace(file)
