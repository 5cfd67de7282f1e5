"""Reading .conda files: what one says of itself, and where its files will lie in a prefix."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, cast

from backports import zstd

from tools.errors import ToolError

SITE_PACKAGES = {"linux-64": "lib/python{python}/site-packages", "win-64": "Lib/site-packages"}
SCRIPTS = {"linux-64": "bin", "win-64": "Scripts"}


@dataclass(frozen=True)
class Package:
    """One .conda file."""

    file: Path

    @cached_property
    def info(self) -> dict[str, bytes]:
        """Its info/ files by name below info/. Raises ToolError if it is not a whole package."""
        try:
            with zipfile.ZipFile(self.file) as archive:
                (name,) = [n for n in archive.namelist() if n.startswith("info-")]
                with archive.open(name) as raw, zstd.ZstdFile(raw) as plain:
                    return dict(_contents(cast(IO[bytes], plain)))
        except (
            zipfile.BadZipFile,
            zstd.ZstdError,
            tarfile.TarError,
            EOFError,
            ValueError,
        ) as error:
            raise ToolError(f"{self.file.name} is not a whole package: {error}") from None

    def json(self, name: str) -> dict[str, Any]:
        """An info/ file that is JSON; empty if there is none."""
        return dict(json.loads(self.info.get(name, b"{}")))

    @property
    def index(self) -> dict[str, Any]:
        return self.json("index.json")

    @property
    def paths(self) -> list[dict[str, Any]]:
        """The rows of paths.json."""
        return list(self.json("paths.json").get("paths", []))

    @property
    def licences(self) -> list[str]:
        """Its licence texts, by name below info/licenses/."""
        start = "licenses/"
        return sorted(n.removeprefix(start) for n in self.info if n.startswith(start))

    @property
    def unpacked(self) -> int:
        """Bytes that its files take."""
        return sum(row.get("size_in_bytes") or 0 for row in self.paths)

    def installed(self, platform: str, python: str) -> Iterator[str]:
        """Where its files will lie below a prefix of `platform` with that Python ("3.11")."""
        site, scripts = SITE_PACKAGES[platform].format(python=python), SCRIPTS[platform]
        is_python = self.index.get("noarch") == "python"
        for row in self.paths:
            top, _, rest = row["_path"].partition("/")
            moved = {"site-packages": site, "python-scripts": scripts} if is_python else {}
            yield f"{moved.get(top, top)}/{rest}".rstrip("/")
        for entry in self.json("link.json").get("noarch", {}).get("entry_points", []):
            yield f"{scripts}/{entry.partition('=')[0].strip()}"


def _contents(file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content:
                yield member.name.removeprefix("info/"), content.read()
