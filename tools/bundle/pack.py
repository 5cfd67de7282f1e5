"""`bundle`: writing one."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

from rattler import RepoDataRecord

from tools import cache, paths, solve
from tools.build import build, full_disk, only_one
from tools.bundle import layout, wheels
from tools.console import out, step
from tools.errors import ToolError, is_no_space, no_space
from tools.install import USED
from tools.rocm import torch
from tools.trust import owners, sbom, sums
from tools.trust.package import Package
from tools.variants import REFERENCE, chosen


@dataclass(frozen=True)
class Item:
    """A member of the bundle: `content`, or a file, whose digest is checked on the way."""

    path: str
    sha256: str
    content: bytes = b""
    file: Path | None = None

    @property
    def size(self) -> int:
        return self.file.stat().st_size if self.file else len(self.content)

    def open(self) -> IO[bytes]:
        return self.file.open("rb") if self.file else io.BytesIO(self.content)


def made(path: str, content: bytes) -> Item:
    """A member that is made here."""
    return Item(path, hashlib.sha256(content).hexdigest(), content)


def write(target: str | None, platform: str | None, file: Path, with_wheels: bool = True) -> None:
    """Build what `target` needs on `platform` and write it all to `file`. Raises ToolError.

    A file that was there is replaced at the end; a failure leaves nothing new behind. Without
    wheels it installs only where dev.py has made its .venv already.
    """
    (variant,) = chosen([target or REFERENCE])
    platform = platform or solve.here()
    if platform not in variant.platforms:
        raise ToolError(
            f"{variant.name} does not exist on {platform}",
            f"it does on {', '.join(variant.platforms)}",
        )
    build([variant.name], platform)
    with only_one(), full_disk(), step(f"bundle {variant.name} for {platform}") as current:
        specs = [*USED, *solve.asks_for(variant.name)]
        lent = wheels.fetch(platform, paths.WORK / "wheels", current) if with_wheels else []
        data, items = contents(variant.name, platform, specs, current, lent)
        digest = _archive(file, items, current)
        shutil.rmtree(paths.WORK, ignore_errors=True)
        current.done(f"{file.stat().st_size / 1e6:.0f} MB, {data.unpacked / 1e6:.0f} MB unpacked")
    out.print(f"{digest}  {file.name}")


def contents(
    target: str,
    platform: str,
    specs: Sequence[str],
    progress: Callable[[str], None],
    lent: Sequence[Path] = (),
) -> tuple[layout.Data, list[Item]]:
    """What goes into the bundle. Raises ToolError if two packages own one file, or a card's torch
    is not AMD's."""
    progress("solving")
    records = solve.records(specs, platform, channels=solve.channels_for(target))
    if lacking := torch.lacking(target, platform, records):
        raise lacking
    files = {_place(record): _file(record) for record in records}
    packages = [Package(file) for file in files.values()]
    owners.check_packages(packages, platform)
    digests = {_place(r): (r.sha256 or b"").hex() for r in records}
    unpacked = sum(package.unpacked for package in packages)
    python = wheels.python_of(platform) if lent else ""
    data = layout.Data(target, platform, list(specs), unpacked, python)
    items = [Item(path, digest, file=files[path]) for path, digest in digests.items()]
    items += [made(*row) for row in [*_bills(files), *_repodata(files, platform)]]
    items += [Item(f"{layout.WHEELS}/{w.name}", cache.sha256_of(w), file=w) for w in lent]
    items.append(made(layout.LOCK, layout.lock(digests, platform).encode()))
    return data, [made(layout.DATA, data.dump()), *sorted(items, key=lambda item: item.path)]


def _place(record: RepoDataRecord) -> str:
    return f"{layout.CHANNEL}/{record.subdir}/{record.file_name}"


def _file(record: RepoDataRecord) -> Path:
    return Path(url2pathname(urlsplit(str(record.url)).path))


def _bills(files: dict[str, Path]) -> Iterator[tuple[str, bytes]]:
    """The bills of materials of those packages that have one."""
    for path, file in files.items():
        bill = sbom.path_of(file)
        if bill.is_file():
            yield f"{path.rpartition('/')[0]}/{bill.name}", bill.read_bytes()


def _repodata(files: dict[str, Path], platform: str) -> Iterator[tuple[str, bytes]]:
    """A repodata.json per folder with the rows of these packages, from their own channels."""
    for subdir in (platform, "noarch"):
        rows: dict[str, Any] = {}
        for path, file in files.items():
            if path.split("/")[1] == subdir:
                theirs = json.loads((file.parent / "repodata.json").read_text("utf-8"))
                rows[file.name] = theirs["packages.conda"][file.name]
                rows[file.name].pop("indexed_timestamp", None)
        index = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": rows}
        content = json.dumps({**index, "repodata_version": 1}, indent=1, sort_keys=True)
        yield f"{layout.CHANNEL}/{subdir}/repodata.json", content.encode()


def _archive(file: Path, items: list[Item], progress: Callable[[str], None]) -> str:
    """Write `file` of these; its sha256."""
    listing = sums.text({item.path: item.sha256 for item in items}).encode()
    part = file.with_name(file.name + ".part")
    with _writable(file, part):
        with (
            part.open("wb") as raw,
            tarfile.open(fileobj=raw, mode="w", format=layout.FORMAT) as tar,
        ):
            for item in [made(sums.NAME, listing), *items]:
                progress(item.path)
                _add(tar, item)
        with part.open("rb") as finished:
            digest = hashlib.file_digest(finished, "sha256").hexdigest()
        part.replace(file)
    return digest


@contextmanager
def _writable(file: Path, part: Path) -> Iterator[None]:
    """One line for a place that cannot be written or is full; no half file stays."""
    try:
        yield
    except OSError as error:
        if is_no_space(error):
            raise no_space(file.parent) from None
        raise ToolError(f"cannot write {file}: {error.strerror}", "name another place") from None
    finally:
        if part.is_file():
            part.unlink()


class _Checked:
    """Hashes what is read through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        return data


def _add(tar: tarfile.TarFile, item: Item) -> None:
    with item.open() as raw:
        checked = _Checked(raw)
        tar.addfile(layout.member(item.path, item.size), cast(IO[bytes], checked))
    if checked.sha256.hexdigest() != item.sha256:
        raise ToolError(
            f"{item.file} is not the package that was indexed", "delete it and run this again"
        )
