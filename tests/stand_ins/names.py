"""What a package's source names of another one, and which modules it imports."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from pathlib import Path


def source(package: str) -> Path:
    """The folder of an installed package, without importing it."""
    spec = find_spec(package)
    assert spec and spec.origin
    return Path(spec.origin).parent


def imports(folder: Path, wanted: frozenset[str]) -> Iterator[tuple[str, str]]:
    """(file, module) for each import of a module of `wanted`, wherever in the file it stands."""
    for path, tree in _trees(folder, [f"{how} {m}" for how in ("import", "from") for m in wanted]):
        for node in ast.walk(tree):
            for module in _imported(node):
                if module.split(".")[0] in wanted:
                    yield path.relative_to(folder).as_posix(), module


def used(folder: Path, prefixes: tuple[str, ...]) -> dict[str, str]:
    """Dotted name -> a file that imports or reads it, for names that start with a prefix."""
    found: dict[str, str] = {}
    modules = [prefix.rstrip(".") for prefix in prefixes]
    wanted = [*modules, *(" import ".join(m.rsplit(".", 1)) for m in modules)]
    for path, tree in _trees(folder, wanted):
        known: dict[str, str] = {}
        for node in ast.walk(tree):
            for name, target in _bound(node):
                known[name] = target
                found.setdefault(target, path.relative_to(folder).as_posix())
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and (parts := _parts(node))[0] in known:
                name = ".".join([known[parts[0]], *parts[1:]])
                found.setdefault(name, path.relative_to(folder).as_posix())
    return {name: file for name, file in sorted(found.items()) if name.startswith(prefixes)}


def _trees(folder: Path, wanted: Collection[str]) -> Iterator[tuple[Path, ast.Module]]:
    """The files in which one of the strings `wanted` stands: parsing all takes long."""
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(one in text for one in wanted):
            yield path, ast.parse(text)


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


def _bound(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(local name, dotted name) that an import binds."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield (
                alias.asname or alias.name.split(".")[0],
                (alias.name if alias.asname else alias.name.split(".")[0]),
            )
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _parts(node: ast.Attribute) -> list[str]:
    parts = [node.attr]
    inner = node.value
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    return [inner.id if isinstance(inner, ast.Name) else "", *reversed(parts)]
