"""Makes a .conda file a function of its content: the builder writes the time and paths into it."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from backports import zstd

EPOCH = 1767225600  # 2026-01-01; every file and every record carries it
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip knows
LEVEL = 9
# Names folders of the machine that built it.
LEFT_OUT = ("info/recipe/rendered_recipe.yaml",)


def normalise(package: Path) -> None:
    """Rewrite `package` in place with fixed times and owners and sorted members."""
    with zipfile.ZipFile(package) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    fresh = package.with_suffix(".new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as new:
        # The order the format asks for: metadata.json, then info, then pkg... is only customary.
        for name in sorted(parts, key=lambda n: (n != "metadata.json", not n.startswith("info-"))):
            content = parts[name]
            if name.endswith(".tar.zst"):
                content = zstd.compress(_archive(zstd.decompress(content)), LEVEL)
            new.writestr(zipfile.ZipInfo(name, ZIP_TIME), content)
    fresh.replace(package)


def _archive(raw: bytes) -> bytes:
    """A tar archive with the same files, in name order, told apart only by name, mode, content."""
    result = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(raw)) as old,
        tarfile.open(fileobj=result, mode="w", format=tarfile.GNU_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda m: m.name):
            if member.name in LEFT_OUT or member.isdir():
                continue
            content = _content(old, member)
            new.addfile(_plain(member, len(content)), io.BytesIO(content))
    return result.getvalue()


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isreg() else None
    content = file.read() if file else b""
    if member.name == "info/index.json":
        content = _dump({**json.loads(content), "timestamp": EPOCH * 1000})
    if member.name == "info/about.json":  # `channels` are folders of the machine that built it
        content = _dump({k: v for k, v in json.loads(content).items() if k != "channels"})
    return content


def _dump(record: dict[str, Any]) -> bytes:
    return json.dumps(record, indent=2, sort_keys=True).encode()


def _plain(member: tarfile.TarInfo, size: int) -> tarfile.TarInfo:
    plain = tarfile.TarInfo(member.name)
    plain.type, plain.linkname = member.type, member.linkname
    plain.size, plain.mtime = size, EPOCH
    plain.mode = 0o755 if member.mode & 0o111 else 0o644
    return plain
