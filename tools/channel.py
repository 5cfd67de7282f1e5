"""Our channel on disk: packages arrive by a rename, and repodata.json follows them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from rattler.index import index_fs

from tools import paths, stamps
from tools.errors import is_no_space, no_space


def publish(package: Path, subdir: str) -> str:
    """Move a finished package into the channel; its name below the channel."""
    folder = paths.CHANNEL / subdir
    folder.mkdir(parents=True, exist_ok=True)
    package.replace(folder / package.name)
    return f"{subdir}/{package.name}"


def drop_strangers() -> None:
    """Remove packages that no stamp knows: left by a recipe that changed its version or went."""
    ours = {stamp.file for stamp in stamps.known()}
    for package in paths.CHANNEL.glob("*/*.conda"):
        if package.relative_to(paths.CHANNEL).as_posix() not in ours:
            package.unlink()


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
        asyncio.run(index_fs(paths.CHANNEL, write_zst=False, write_shards=False, force=True))
    except Exception as error:
        if is_no_space(error):
            raise no_space(paths.shown(paths.CHANNEL)) from None
        raise
