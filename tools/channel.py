"""Our channel on disk: packages arrive by a rename, and repodata.json follows them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from rattler.index import index_fs

from tools import paths, stamps
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
    the same bytes, whenever they were indexed."""
    asyncio.run(index_fs(folder, write_zst=False, write_shards=False, force=True))
    for repodata in folder.glob("*/repodata.json"):
        content = json.loads(repodata.read_text("utf-8"))
        for record in content["packages.conda"].values():
            record.pop("indexed_timestamp", None)
        fresh = repodata.with_suffix(".new")
        fresh.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
        fresh.replace(repodata)
