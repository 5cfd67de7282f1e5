"""Modules that Windows lacks: which of vLLM's files import them, and why that is no trouble."""

from __future__ import annotations

import ast
from pathlib import Path

from vllm_gfx.platform.device import TorchDeviceQueries

from tests.stand_ins import names

UNIX = frozenset(
    {"amdsmi", "crypt", "curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource"}
    | {"spwd", "syslog", "termios", "tty", "uvloop"}
)
# uvloop: early/uvloop.py, tested with the event loop. Of each other import, why Windows gets by.
WHY = {
    ("distributed/kv_transfer/kv_connector/v1/example_hidden_states_connector.py", "fcntl"): (
        "early/file_locks.py gives it locks"
    ),
    ("model_executor/model_loader/weight_cache/daemon.py", "fcntl"): (
        "a daemon behind a Unix socket, which Python has on no Windows; asked for by flag only"
    ),
    ("platforms/__init__.py", "amdsmi"): "in a try; our platform is chosen before upstream's",
    ("platforms/rocm.py", "amdsmi"): "in a try; TorchDeviceQueries answers instead, see below",
    ("utils/system_utils.py", "resource"): "after a return on Windows",
}


def test_every_import_has_its_answer() -> None:
    """A new one in another vLLM fails here, and so does an answer that can go."""
    found = set(names.imports(names.source("vllm"), UNIX))
    assert {pair for pair in found if pair[1] != "uvloop"} == set(WHY)


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
