"""The sources: one `<op>/<op>.hip` per op, and the headers that each one includes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from gfx_compile import paths
from gfx_compile.errors import CompileError

_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def all_sources(ops: Path | None = None) -> dict[str, Path]:
    """Every source by the name of its op. Raises CompileError for one that is misplaced."""
    found = sorted((ops or paths.OPS).rglob("*.hip"))
    for file in found:
        if file.stem != file.parent.name:
            raise CompileError(
                f"{file.name} lies in {file.parent.name}/; its op's folder is wanted"
            )
    return {file.stem: file for file in found}


def digest(source: Path, include: Path | None = None) -> str:
    """Changes with the text of `source` or of anything it includes, not with where they lie."""
    files = dict(_closure(source, include or paths.INCLUDE))
    parts = [f"{name} {hashlib.sha256(files[name]).hexdigest()}" for name in sorted(files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _closure(source: Path, include: Path) -> Iterator[tuple[str, bytes]]:
    waiting, seen = [source], {source.name}
    while waiting:
        file = waiting.pop()
        content = file.read_bytes()
        yield file.name, content
        for name in _INCLUDE.findall(content.decode("utf-8")):
            if name not in seen:
                seen.add(name)
                waiting.append(_find(name, file, include))


def _find(name: str, includer: Path, include: Path) -> Path:
    for folder in (includer.parent, include):
        if (folder / name).is_file():
            return folder / name
    raise CompileError(f"{includer.name} includes {name}, which is not in {include.name}/")
