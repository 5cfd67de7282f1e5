"""Makes a .conda file a function of its content: the builder writes the time and paths into it.

Contents are streamed: a package may hold more than fits into memory, and more than 4 GiB.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from backports import zstd
from backports.zstd import CompressionParameter

EPOCH = 1767225600  # 2026-01-01; every file and every record carries it
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip knows
# How it is compressed. The bytes depend on each, and not on how many processors there are.
PACKING = {
    CompressionParameter.compression_level: 9,
    CompressionParameter.nb_workers: 2,
}
CHUNK = 1 << 20
# Names folders of the machine that built it.
LEFT_OUT = ("info/recipe/rendered_recipe.yaml",)


def normalise(package: Path) -> None:
    """Rewrite `package` in place with fixed times and owners and sorted members."""
    fresh = package.with_suffix(".new")
    with (
        zipfile.ZipFile(package) as old,
        zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as new,
    ):
        # The order the format asks for: metadata.json, then info, then pkg... is only customary.
        names = sorted(old.namelist(), key=lambda n: (n != "metadata.json", n[:5] != "info-"))
        for name in names:
            info = zipfile.ZipInfo(name, ZIP_TIME)
            with new.open(info, "w", force_zip64=True) as target:
                if name.endswith(".tar.zst"):
                    _repack(old, name, target)
                else:
                    target.write(old.read(name))
    fresh.replace(package)


def _repack(package: zipfile.ZipFile, part: str, target: IO[bytes]) -> None:
    """The tar archive `part` with the same files, in name order."""
    options = {int(key): value for key, value in PACKING.items()}
    with (
        _in_order(package, part) as (old, members),
        zstd.ZstdFile(target, "wb", options=options) as packed,
        tarfile.open(
            fileobj=cast(IO[bytes], packed),
            mode="w|",
            bufsize=CHUNK,
            format=tarfile.GNU_FORMAT,
        ) as new,
    ):
        new.copybufsize = CHUNK  # type: ignore[attr-defined] # typeshed does not know it
        for member in members:
            if member.name in LEFT_OUT or member.isdir():
                continue
            size, content = _content(old, member)
            new.addfile(_plain(member, size), content)


Members = tuple[tarfile.TarFile, Iterable[tarfile.TarInfo]]


@contextmanager
def _in_order(package: zipfile.ZipFile, part: str) -> Iterator[Members]:
    """The archive and its members by name: read as they come if that is their order, as in what
    the builder writes, else from a copy on disk."""
    with _streamed(package, part) as archive:
        names = [member.name for member in archive]
    if names == sorted(names):
        with _streamed(package, part) as archive:
            yield archive, archive
        return
    with tempfile.SpooledTemporaryFile(max_size=64 << 20) as raw:
        with package.open(part) as source, zstd.ZstdFile(source) as unpacked:
            shutil.copyfileobj(unpacked, raw, CHUNK)
        raw.seek(0)
        with tarfile.open(fileobj=cast(IO[bytes], raw)) as archive:
            yield archive, sorted(archive.getmembers(), key=lambda m: m.name)


@contextmanager
def _streamed(package: zipfile.ZipFile, part: str) -> Iterator[tarfile.TarFile]:
    with (
        package.open(part) as source,
        zstd.ZstdFile(source) as unpacked,
        tarfile.open(fileobj=cast(IO[bytes], unpacked), mode="r|", bufsize=CHUNK) as archive,
    ):
        yield archive


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[int, IO[bytes] | None]:
    """Size and contents; two records lose what tells when and where it was built."""
    file = archive.extractfile(member) if member.isreg() else None
    if file is None:
        return 0, None
    if member.name == "info/index.json":
        return _dump({**json.load(file), "timestamp": EPOCH * 1000})
    if member.name == "info/about.json":  # `channels` are folders of the machine that built it
        return _dump({k: v for k, v in json.load(file).items() if k != "channels"})
    return member.size, file


def _dump(record: dict[str, Any]) -> tuple[int, IO[bytes]]:
    content = json.dumps(record, indent=2, sort_keys=True).encode()
    return len(content), io.BytesIO(content)


def _plain(member: tarfile.TarInfo, size: int) -> tarfile.TarInfo:
    plain = tarfile.TarInfo(member.name)
    plain.type, plain.linkname = member.type, member.linkname
    plain.size, plain.mtime = size, EPOCH
    plain.mode = 0o755 if member.mode & 0o111 else 0o644
    return plain
