"""Finds in Python source what only Unix has. Imports nothing of what it reads."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

# Names that Python's modules lack on Windows; the simulated Windows of the tests reads it too.
ABSENT: dict[str, list[str]] = json.loads(
    (Path(__file__).parents[1] / "support/winsim/absent.json").read_text(encoding="utf-8")
)
MODULES = {*ABSENT.pop("modules"), "uvloop", "amdsmi"}
PATHS = ("ipc://", "/dev/", "/proc/", "/sys/", "/tmp", "/etc/", "/usr/")
# Ours handles signals on Windows, and starts no processes, which only the default loop does there.
METHODS = ("add_signal_handler", "create_subprocess_exec", "create_subprocess_shell")
OPTIONS = ("pass_fds", "preexec_fn", "start_new_session", "reuse_port")
_NAME = re.compile(rf"\b({'|'.join(ABSENT)})\.(\w+)")
_IMPORT = re.compile(r"^\s*(?:from|import) ([\w, ]+)", re.MULTILINE)
_WORD = re.compile(r"\w+")
_PATH = re.compile(r"""["'](?:ipc:|/dev|/proc|/sys|/tmp|/etc|/usr)""")
_WORDS = (*METHODS, *OPTIONS, '("fork', "('fork")


def _may_use(text: str) -> bool:
    """False if `text` uses nothing; parsing is slow, and most files do not."""
    return (
        any(name in ABSENT[module] for module, name in _NAME.findall(text))
        or any(not MODULES.isdisjoint(_WORD.findall(names)) for names in _IMPORT.findall(text))
        or any(f"from {module} import" in text for module in ABSENT)
        or _PATH.search(text) is not None
        or any(word in text for word in _WORDS)
    )


def found(text: str) -> set[str]:
    """What `text` uses: `os.fork`, `import fcntl`, `/dev/`, `get_context("fork")`, `pass_fds=`."""
    if not _may_use(text):
        return set()
    tree = ast.parse(text)
    docstrings = set(map(id, _docstrings(tree)))
    return {use for node in ast.walk(tree) if id(node) not in docstrings for use in _uses(node)}


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        match getattr(node, "body", None):
            case [ast.Expr(value=ast.Constant() as text), *_]:
                yield text


def _uses(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Attribute(value=ast.Name(id=module), attr=name) if name in ABSENT.get(module, ()):
            yield f"{module}.{name}"
        case ast.Import(names=names):
            yield from (f"import {top}" for a in names if (top := a.name.split(".")[0]) in MODULES)
        case ast.ImportFrom(module=str(module), names=names, level=0):
            if (top := module.split(".")[0]) in MODULES:
                yield f"import {top}"
            yield from (f"{module}.{a.name}" for a in names if a.name in ABSENT.get(module, ()))
        case ast.Constant(value=str(text)):
            yield from (path for path in PATHS if text.startswith(path))
        case ast.Call():
            yield from _call(node)


def _call(node: ast.Call) -> Iterator[str]:
    name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
    if name in METHODS:
        yield name
    match node.args:
        case [ast.Constant(value=str(method)), *_] if name in ("get_context", "set_start_method"):
            if method.startswith("fork"):
                yield f'{name}("{method}")'
    yield from (f"{key.arg}=" for key in node.keywords if key.arg in OPTIONS)
