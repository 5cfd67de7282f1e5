"""Writing a .conda file whose bytes depend on its contents only.

Contents are streamed: PyTorch's libraries are several hundred MB.
"""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

from backports import zstd

EPOCH = 1_767_225_600  # 2026-01-01, in every tar member and as every package's timestamp
PLACEHOLDER = "/opt/prefix_placeholder"  # stands for the prefix in text files until installed
LEVEL = 1  # these files live on this machine only; a higher level costs minutes and saves little
CHUNK = 1 << 16


@cache
def digest_of(names: tuple[str, ...]) -> str:
    """The sha256 of these files of tools/standin: what is made by them is known by it."""
    parts = [Path(__file__).with_name(name).read_bytes() for name in names]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _nothing() -> IO[bytes]:
    return io.BytesIO()


@dataclass(frozen=True)
class Entry:
    """One file of a package. `open` gives its contents, `size` bytes of them."""

    path: str
    size: int = 0
    open: Callable[[], IO[bytes]] = _nothing
    executable: bool = False
    placeholder: str | None = None  # text that the installer replaces by the prefix
    link: str | None = None  # a symbolic link to this, instead of contents


def from_bytes(path: str, contents: bytes, **rest: Any) -> Entry:
    """An entry with contents that are already in memory."""
    return Entry(path, len(contents), lambda: io.BytesIO(contents), **rest)


def write(
    target: Path, index: dict[str, Any], entries: Iterable[Entry], info: dict[str, bytes]
) -> None:
    """Write package `target`; `index` is its index.json, `info` its other info/ files."""
    part = target.with_name(target.name + ".part")
    stem = target.name.removesuffix(".conda")
    ordered = sorted(entries, key=lambda entry: entry.path)
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        _store(archive, "metadata.json", b'{"conda_pkg_format_version": 2}')
        rows = _write_tar(archive, f"pkg-{stem}.tar.zst", ordered)
        files = {**info, "index.json": _json(index)}
        files["paths.json"] = _json({"paths_version": 1, "paths": rows})
        about = [from_bytes(f"info/{name}", files[name]) for name in sorted(files)]
        _write_tar(archive, f"info-{stem}.tar.zst", about)
    part.replace(target)


class _Hashing(io.RawIOBase):
    """Reads from a file and keeps the sha256 of what passed."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.sha256 = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.sha256.update(data)
        return data


def _write_tar(archive: zipfile.ZipFile, name: str, entries: list[Entry]) -> list[dict[str, Any]]:
    large = sum(entry.size for entry in entries) >= 1 << 31
    with (
        archive.open(_member(name), "w", force_zip64=large) as raw,
        zstd.ZstdFile(raw, "wb", level=LEVEL) as packed,
        tarfile.open(
            fileobj=cast(IO[bytes], packed),
            mode="w|",
            bufsize=CHUNK,
            format=tarfile.GNU_FORMAT,
        ) as tar,
    ):
        return [_add(tar, entry) for entry in entries]


def _add(tar: tarfile.TarFile, entry: Entry) -> dict[str, Any]:
    member = tarfile.TarInfo(entry.path)
    member.mtime, member.mode = EPOCH, 0o755 if entry.executable else 0o644
    if entry.link is not None:
        member.type, member.linkname = tarfile.SYMTYPE, entry.link
        tar.addfile(member)
        return {"_path": entry.path, "path_type": "softlink"}
    member.size = entry.size
    with entry.open() as contents:
        hashing = _Hashing(contents)
        tar.addfile(member, cast(IO[bytes], hashing))
    row = {"_path": entry.path, "path_type": "hardlink", "size_in_bytes": entry.size}
    row["sha256"] = hashing.sha256.hexdigest()
    if entry.placeholder:
        row |= {"file_mode": "text", "prefix_placeholder": entry.placeholder}
    return row


def _store(archive: zipfile.ZipFile, name: str, contents: bytes) -> None:
    archive.writestr(_member(name), contents)


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode()
