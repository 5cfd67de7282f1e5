"""SHA256SUMS: the digests of the files below a folder, as `sha256sum --check` reads them."""

from __future__ import annotations

import re
from pathlib import Path

from tools import cache

NAME = "SHA256SUMS"
LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def text(digests: dict[str, str]) -> str:
    """The file's content for digests by path with slashes."""
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests))


def parse(content: str) -> dict[str, str]:
    """Digest by path. Raises ValueError for a line that is none, a path named twice or outside."""
    found: dict[str, str] = {}
    for line in content.splitlines():
        match = LINE.fullmatch(line)
        if not match or match[2] in found or not is_inside(match[2]):
            raise ValueError(f"{line[:100]!r} is not a line of {NAME}")
        found[match[2]] = match[1]
    return found


def is_inside(path: str) -> bool:
    """Whether a relative path stays below its folder, on Windows too."""
    parts = path.split("/")
    return not any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts)


def write(folder: Path, known: dict[str, str]) -> None:
    """Write `folder`/SHA256SUMS if it would change: `known` digests, and the other files hashed.

    Files that start with a dot are the indexer's own and left out.
    """
    digests = dict(known)
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if not file.is_file() or file.name == NAME or any(p[0] == "." for p in path.parts):
            continue
        if path.as_posix() not in digests:
            digests[path.as_posix()] = cache.sha256_of(file)
    target = folder / NAME
    content = text(digests)
    if target.is_file() and target.read_text(encoding="utf-8") == content:
        return
    fresh = target.with_suffix(".new")
    fresh.write_text(content, encoding="utf-8", newline="\n")
    fresh.replace(target)
