"""Makes the placeholder of a package's prefix independent of the folder it was built in.

Files that hold their prefix are built with a long stand-in for it, which the installer replaces.
The builder's one names the build folder; here it becomes one of the same length that names none.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from backports import zstd

from tools.trust.package import Package

TEXT = "/placeholder"  # repeated as often as fits
PATHS = "info/paths.json"
LEVEL = 1  # whoever normalises the package compresses it again


def unify(package: Path) -> None:
    """Rewrite `package` in place, if any of its files holds its prefix."""
    rows = {r["_path"]: r for r in Package(package).paths if r.get("prefix_placeholder")}
    if not rows:
        return
    changed: dict[str, str] = {}  # new sha256 by path
    fresh = package.with_suffix(".unified")
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(fresh, "w") as new:
        # paths.json, in info-, needs what is only known after the files, in pkg-
        for name in sorted(old.namelist(), reverse=True):
            with old.open(name) as source, new.open(name, "w", force_zip64=True) as target:
                if not name.endswith(".tar.zst"):
                    target.write(source.read())
                    continue
                with _archives(source, target) as (read, written):
                    _copy(read, written, rows, changed)
    fresh.replace(package)


def same(length: int) -> str:
    """The placeholder of `length` characters."""
    return (TEXT * length)[:length]


@contextmanager
def _archives(
    source: IO[bytes], target: IO[bytes]
) -> Iterator[tuple[tarfile.TarFile, tarfile.TarFile]]:
    with (
        zstd.ZstdFile(source) as plain,
        zstd.ZstdFile(target, "w", level=LEVEL) as packed,
        tarfile.open(fileobj=cast(IO[bytes], plain), mode="r|") as read,
        tarfile.open(fileobj=cast(IO[bytes], packed), mode="w|") as written,
    ):
        yield read, written


def _copy(
    read: tarfile.TarFile,
    written: tarfile.TarFile,
    rows: dict[str, dict[str, Any]],
    changed: dict[str, str],
) -> None:
    for member in read:
        content = read.extractfile(member) if member.isreg() else None
        if content is None:
            written.addfile(member)
        elif member.name in rows:
            old = rows[member.name]["prefix_placeholder"].encode()
            data = content.read().replace(old, same(len(old)).encode())
            changed[member.name] = hashlib.sha256(data).hexdigest()
            written.addfile(member, io.BytesIO(data))
        elif member.name == PATHS:
            data = _paths(json.loads(content.read()), changed)
            member.size = len(data)
            written.addfile(member, io.BytesIO(data))
        else:
            written.addfile(member, content)


def _paths(listing: dict[str, Any], changed: dict[str, str]) -> bytes:
    for row in listing["paths"]:
        if row["_path"] in changed:
            row["sha256"] = changed[row["_path"]]
            row["prefix_placeholder"] = same(len(row["prefix_placeholder"]))
    return json.dumps(listing, indent=2, sort_keys=True).encode()
