"""Modules that Windows lacks and that need no stand-in: what patches/windows.yaml says of two."""

from __future__ import annotations

import ast
from pathlib import Path

from vllm_gfx.platform.device import TorchDeviceQueries

from tests.stand_ins import names


def _rocm() -> ast.Module:
    path = names.source("vllm") / "platforms" / "rocm.py"
    return ast.parse(path.read_text(encoding="utf-8"))


def _asks_amdsmi(function: ast.AST, known: frozenset[str]) -> bool:
    read = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return bool(read & known) or any(name.startswith("amdsmi_") for name in read)


def test_no_question_of_the_platform_reaches_amdsmi() -> None:
    """So no stand-in for it is needed, which would have to make up what it does not know."""
    tree = _rocm()
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    helpers = frozenset(f.name for f in functions if _asks_amdsmi(f, frozenset()))
    assert "_query_total_memory_from_amdsmi" in helpers
    (platform,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "RocmPlatform")
    methods = [node for node in platform.body if isinstance(node, ast.FunctionDef)]
    asking = {method.name for method in methods if _asks_amdsmi(method, helpers)}
    assert "get_device_uuid" in asking
    assert asking <= set(vars(TorchDeviceQueries)), "each is answered by torch"


def test_nobody_needs_resource_on_windows() -> None:
    """The return stands before the import."""
    path = Path(names.source("vllm"), "utils", "system_utils.py")
    (limits,) = (
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name == "set_ulimit"
    )
    guard = next(node for node in limits.body if isinstance(node, ast.If))
    where = next(node for node in limits.body if isinstance(node, ast.Import))
    assert "win" in ast.unparse(guard.test) and isinstance(guard.body[-1], ast.Return)
    assert guard.lineno < where.lineno
