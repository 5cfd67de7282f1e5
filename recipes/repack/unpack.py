"""Writing the members of a wheel where Python looks for them."""

import base64
import csv
import hashlib
import os
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .opened import OpenedWheel, WheelError

CHUNK = 1 << 20
REPLACED = ("RECORD", "INSTALLER", "REQUESTED")  # of dist-info: the installer's own
PYTHON = b"#!python"  # how a wheel's own script names the interpreter it will get


@dataclass(frozen=True)
class Layout:
    """Where things go: `prefix`, and below it site-packages and the folder of scripts."""

    prefix: Path
    site: str
    scripts: str

    @property
    def windows(self) -> bool:
        return self.scripts == "Scripts"

    def destination(self, wheel: OpenedWheel, member: str) -> str:
        """Where `member` belongs below the prefix."""
        if not member.startswith(wheel.data):
            return f"{self.site}/{member}"
        kind, _, rest = member.removeprefix(wheel.data).partition("/")
        name = wheel.dist_info.split("-")[0]
        include = "Include" if self.windows else "include/" + Path(self.site).parent.name
        folders = {
            "purelib": self.site,
            "platlib": self.site,
            "scripts": self.scripts,
            "headers": f"{include}/{name}",
            "data": "",
        }
        if kind not in folders:
            raise WheelError(f"{wheel.path.name}: no tool knows where {member} belongs")
        return f"{folders[kind]}/{rest}".lstrip("/")


def unpack(wheel: OpenedWheel, layout: Layout) -> None:
    """Write every member below the prefix and an INSTALLER and RECORD of our own.

    Raises WheelError if a content is not what RECORD says, or if a file is there already; then the
    prefix is incomplete and the build must end.
    """
    own = {f"{wheel.dist_info}/{name}" for name in REPLACED}
    wanted = [name for name in wheel.members if name not in own]
    by_size = sorted(wanted, key=lambda name: -wheel.members[name].file_size)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(lambda name: _write(wheel, layout, name), by_size))
    installer = f"{wheel.dist_info}/INSTALLER"
    (layout.prefix / layout.site / installer).write_bytes(b"conda\n")
    rows.append([installer, *_row(hashlib.sha256(b"conda\n").digest(), 6)])
    record = f"{wheel.dist_info}/RECORD"
    with (layout.prefix / layout.site / record).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([*sorted(rows), [record, "", ""]])


def verify(wheel: OpenedWheel) -> None:
    """Read every member. Raises WheelError if one is not what RECORD says."""
    for member in wheel.members:
        try:
            with wheel.archive.open(member) as source:
                _copy(wheel, member, source, None)
        except (zipfile.BadZipFile, EOFError, zlib.error) as error:
            raise WheelError(f"{wheel.path.name}: {member}: {error}") from None


def _write(wheel: OpenedWheel, layout: Layout, member: str) -> list[str]:
    """Write one member; its row of RECORD."""
    path = layout.destination(wheel, member)
    target = layout.prefix / path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with wheel.archive.open(member) as source, target.open("xb") as file:
            digest = _copy(wheel, member, source, file)
    except FileExistsError:
        raise WheelError(f"{wheel.path.name}: {path} is there already") from None
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise WheelError(f"{wheel.path.name}: {member}: {error}") from None
    is_script = path.startswith(f"{layout.scripts}/")
    if is_script or (wheel.members[member].external_attr >> 16) & 0o111:
        target.chmod(0o755)
    listed = os.path.relpath(path, layout.site).replace(os.sep, "/")
    if is_script and _names_prefix(target, layout):
        return [listed, "", ""]  # the installer writes the prefix into it
    return [listed, *_row(digest, wheel.members[member].file_size)]


def _copy(wheel: OpenedWheel, member: str, source: IO[bytes], file: IO[bytes] | None) -> bytes:
    """Copy and compare with RECORD; the sha256."""
    demanded = wheel.digest_of(member)
    hashes = {name: hashlib.new(name) for name in {"sha256", *(demanded or ())[:1]}}
    while chunk := source.read(CHUNK):
        if file:
            file.write(chunk)
        for one in hashes.values():
            one.update(chunk)
    if demanded and hashes[demanded[0]].digest() != demanded[1]:
        raise WheelError(f"{wheel.path.name}: {member} is not what RECORD says")
    return hashes["sha256"].digest()


def _names_prefix(script: Path, layout: Layout) -> bool:
    """Have a script for `#!python` run the Python of the prefix; on Windows the launcher does."""
    content = script.read_bytes()
    if layout.windows or not content.startswith(PYTHON):
        return False
    _, _, rest = content.partition(b"\n")
    script.write_bytes(b"#!" + os.fsencode(layout.prefix / "bin/python") + b"\n" + rest)
    return True


def _row(digest: bytes, size: int) -> list[str]:
    return ["sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), str(size)]
