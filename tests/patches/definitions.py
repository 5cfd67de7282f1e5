"""Finds what a dotted name stands for in Python sources. Imports nothing of them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache


def find(name: str, package: Mapping[str, str]) -> str:
    """The syntax tree of a definition as text, of a module a word; empty if it is not there."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        for path in ("/".join(parts[:n]) + ".py", "/".join(parts[:n]) + "/__init__.py"):
            if path in package:
                return _inside(_parsed(package[path]), parts[n:])
    return ""


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _inside(tree: ast.AST, parts: list[str]) -> str:
    if not parts:
        return "a module"
    found: ast.AST | None = tree
    for part in parts:
        found = _member(tree, found, part) if found else None
    return ast.dump(found) if found else ""


def _member(tree: ast.AST, owner: ast.AST, name: str) -> ast.AST | None:
    """What `owner` binds to `name`; for a class also what it inherits from one of its module."""
    if own := next((n for n in ast.walk(owner) if name in _binds(n)), None):
        return own
    bases = [base.id for base in getattr(owner, "bases", ()) if isinstance(base, ast.Name)]
    classes = [c for c in ast.walk(tree) if isinstance(c, ast.ClassDef) and c.name in bases]
    return next((m for c in classes if (m := _member(tree, c, name))), None)


def _binds(node: ast.AST) -> set[str]:
    match node:
        case ast.FunctionDef(name=n) | ast.AsyncFunctionDef(name=n) | ast.ClassDef(name=n):
            return {n}
        case ast.Assign(targets=targets):
            return {t.id for t in targets if isinstance(t, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=n)):
            return {n}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {a.asname or a.name for a in names}
        case _:
            return set()
