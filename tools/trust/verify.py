"""Compares an installed prefix with what conda-meta/ says of it.

This finds damage and edits. It cannot find someone who also rewrites conda-meta/: what that was
installed from is known by SHA256SUMS of the channel or the bundle.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import runpy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tools import paths, prefix
from tools.errors import ToolError

META = "conda-meta"
OURS = {prefix.LIST, "CACHEDIR.TAG"}  # of the install itself, which no package owns
COMPILED = "__pycache__"
PLACES = paths.ROOT / "shims" / "src" / "vllm_gfx" / "places.py"


@dataclass(frozen=True)
class Entry:
    """One file that a package put there: its path below the prefix, and its row of paths_data."""

    path: str
    package: str
    row: dict[str, Any]


@dataclass
class Findings:
    """What differs, as lines for people; empty lists for an intact prefix."""

    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    files: int = 0
    size: int = 0  # bytes hashed

    def lines(self) -> list[str]:
        kinds = {"changed": self.changed, "missing": self.missing, "extra": self.extra}
        return [f"{kind}: {name}" for kind, names in kinds.items() for name in sorted(names)]


def records(where: Path) -> list[dict[str, Any]]:
    """conda-meta/*.json. Raises ToolError if there is none, or one is not a record."""
    found = []
    for file in sorted((where / META).glob("*.json")):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            found.append({"name": record["name"], "paths": record["paths_data"]["paths"]})
        except (ValueError, KeyError, TypeError):
            raise ToolError(
                f"{file} is not the record of a package", "install this prefix again"
            ) from None
    if not found:
        raise ToolError(f"{where} is not an installed prefix: it has no {META}/*.json")
    return found


def entries(where: Path) -> Iterator[Entry]:
    """Every file that the packages of the prefix say they put there."""
    for record in records(where):
        for row in record["paths"]:
            yield Entry(row["_path"], record["name"], row)


def verify(where: Path) -> Findings:
    """What in the prefix `where` is not as its packages put it. Raises ToolError if it is none.

    Neither compared nor named are bytecode that Python made beside a package's source, and what
    our programs wrote into the folder they have for that.
    """
    where = where.resolve()  # scripts hold the path they were installed for, not a link to it
    known = list(entries(where))
    findings = Findings(files=len(known))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for entry, state in zip(known, pool.map(lambda e: _state(where, e), known), strict=True):
            if state:
                getattr(findings, state).append(f"{entry.path} ({entry.package})")
    findings.size = sum(e.row.get("size_in_bytes") or 0 for e in known)
    findings.extra = _strangers(where, {entry.path for entry in known})
    return findings


def _state(where: Path, entry: Entry) -> str:
    """`changed`, `missing`, or nothing for a file that is as it was installed."""
    path = where / entry.path
    if entry.row["path_type"] == "directory":
        return "" if path.is_dir() else "missing"
    if entry.row["path_type"] == "softlink":
        return _state_of_link(path, entry.row)
    if not path.is_file() or path.is_symlink():
        return "changed" if path.is_symlink() or path.exists() else "missing"
    wanted = entry.row.get("sha256_in_prefix")
    if not wanted and entry.row.get("prefix_placeholder"):
        content = undone(path.read_bytes(), entry.row, where)
        return "" if hashlib.sha256(content).hexdigest() == entry.row["sha256"] else "changed"
    return "" if _sha256(path) == (wanted or entry.row["sha256"]) else "changed"


def _state_of_link(path: Path, row: dict[str, Any]) -> str:
    """A link is known by the digest of its text, or of the file at its end."""
    if not path.is_symlink():
        return "changed" if path.exists() else "missing"
    wanted = {row.get("sha256_in_prefix"), row.get("sha256")} - {None}
    text = os.fsencode(path.readlink())
    if not wanted or hashlib.sha256(text).hexdigest() in wanted:
        return ""
    return "" if path.is_file() and _sha256(path) in wanted else "changed"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def undone(content: bytes, row: dict[str, Any], where: Path) -> bytes:
    """`content` with the prefix replaced by its placeholder again, as it was in the package.

    In a binary the text after the prefix was moved up and the rest of its string filled with NULs.
    """
    here, placeholder = str(where).encode(), row["prefix_placeholder"].encode()
    if row.get("file_mode") != "binary":
        return content.replace(here, placeholder)

    def string(found: re.Match[bytes]) -> bytes:
        grown = found[1].count(here) * (len(placeholder) - len(here))
        return found[1].replace(here, placeholder) + found[2][grown:]

    return re.sub(b"(" + re.escape(here) + rb"[^\0]*)(\0+)", string, content)


@cache
def written() -> str:
    """The folder below a prefix that our programs write to while they run."""
    return str(runpy.run_path(str(PLACES))["WRITTEN"])


def _strangers(where: Path, known: set[str]) -> list[str]:
    """Files that no package owns, but for records, our own list, and bytecode of known sources."""
    found = []
    for folder, folders, files in os.walk(where):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        below = here.relative_to(where)
        folders[:] = [n for n in folders if (below / n).as_posix() not in (META, written())]
        for name in [*files, *links]:
            path = (below / name).as_posix()
            if path not in known and path not in OURS and not _is_bytecode(below, name, known):
                found.append(path)
    return found


def _is_bytecode(folder: Path, name: str, known: set[str]) -> bool:
    source = (folder.parent / f"{name.partition('.')[0]}.py").as_posix()
    return folder.name == COMPILED and name.endswith(".pyc") and source in known
