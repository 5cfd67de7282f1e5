"""Reading a bundle: every byte is checked before anything is installed."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from tools.bundle import layout
from tools.errors import ToolError
from tools.trust import sums

CHUNK = 1 << 20


def unpack(file: Path, folder: Path, progress: Callable[[str], None]) -> layout.Data:
    """Unpack `file` into `folder`. Raises ToolError at the first byte that is not as it was.

    All bytes count, also those of headers and padding: a header must be the one we would write.
    """
    try:
        with file.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:") as archive:
            listed = _members(archive, raw, folder, progress)
            _check_end(raw, archive)
    except tarfile.TarError as error:
        raise _damaged(file, f"not a whole tar archive ({error})") from None
    except OSError as error:
        if error.filename == str(file):
            raise ToolError(f"cannot read {file}: {error.strerror}") from None
        raise
    except ValueError as error:
        raise _damaged(file, str(error)) from None
    if absent := [path for path in listed if not (folder / path).is_file()]:
        raise _damaged(file, f"{absent[0]} is not in it")
    return layout.load((folder / layout.DATA).read_bytes())


def _damaged(file: Path, why: str) -> ToolError:
    return ToolError(f"{file.name} is damaged or no bundle: {why}", "get the file again")


def _members(
    archive: tarfile.TarFile, raw: IO[bytes], folder: Path, progress: Callable[[str], None]
) -> dict[str, str]:
    """Unpack every member, comparing it with SHA256SUMS, which comes first and is returned."""
    listed: dict[str, str] = {}
    for info in archive:
        _check_header(info, raw)
        is_listing = not listed and info.name == sums.NAME
        if not is_listing and info.name not in listed:
            raise ValueError(f"{info.name[:100]!r} is not in {sums.NAME}")
        progress(info.name)
        digest = _copy(archive, info, folder / info.name)
        if is_listing:
            listed = sums.parse((folder / info.name).read_text(encoding="utf-8"))
        elif digest != listed[info.name]:
            raise ValueError(f"{info.name} has sha256 {digest}, not {listed[info.name]}")
    return listed


def _check_header(info: tarfile.TarInfo, raw: IO[bytes]) -> None:
    wanted = layout.member(info.name, info.size).tobuf(layout.FORMAT)
    padding = -info.size % tarfile.BLOCKSIZE
    raw.seek(info.offset)
    if raw.read(len(wanted)) != wanted:
        raise ValueError(f"the header of {info.name[:100]!r} is not one of ours")
    raw.seek(info.offset_data + info.size)
    if raw.read(padding) != bytes(padding):
        raise ValueError(f"there is something behind {info.name}")


def _check_end(raw: IO[bytes], archive: tarfile.TarFile) -> None:
    """After the last member there are two empty blocks, filled up to a whole record."""
    members = archive.getmembers()
    if not members:
        raise ValueError("it is empty")
    last = members[-1]
    blocks = -(-last.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    end = last.offset_data + blocks + 2 * tarfile.BLOCKSIZE
    end += -end % tarfile.RECORDSIZE
    start = last.offset_data + blocks
    raw.seek(start)
    if raw.read() != bytes(end - start):
        raise ValueError("it does not end as it should")


def _copy(archive: tarfile.TarFile, info: tarfile.TarInfo, target: Path) -> str:
    """Write one member; its sha256."""
    source = archive.extractfile(info) if info.isreg() else None
    if source is None:
        raise ValueError(f"{info.name[:100]!r} is not a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("wb") as out:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()
