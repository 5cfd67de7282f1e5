"""When one of these fails, the shim for Windows that it names is no longer needed: delete it.

They read vLLM's source: what a shim's needed() asks of the system is true on Windows only.
"""

from __future__ import annotations

import ast
import importlib.util
import os
from pathlib import Path

_SPEC = importlib.util.find_spec("vllm")
assert _SPEC and _SPEC.origin
VLLM = Path(_SPEC.origin).parent


def _source(path: str) -> str:
    return (VLLM / path).read_text(encoding="utf-8")


def _function(path: str, name: str) -> str:
    text = _source(path)
    (found,) = (
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.name == name
    )
    return ast.get_source_segment(text, found) or ""


def test_uvloop() -> None:
    imports = [n for n in ast.parse(_source("v1/utils.py")).body if isinstance(n, ast.Import)]
    names = [alias.name for node in imports for alias in node.names]
    assert "uvloop" in names, "vllm_gfx/early/uvloop.py: needed() only for the other importers"


def test_event_loop_policy() -> None:
    spec = importlib.util.find_spec("zmq")
    assert spec and spec.origin
    text = Path(spec.origin).with_name("asyncio.py").read_text(encoding="utf-8")
    assert "Proactor event loop does not implement add_reader" in text, "event_loop_policy: needed?"


def test_ctrl_break() -> None:
    handlers = [p for p in VLLM.rglob("*.py") if "SIGBREAK" in p.read_text(encoding="utf-8")]
    assert not handlers, "vllm_gfx/early/ctrl_break.py: is it needed still?"


def test_start_method() -> None:
    text = _source("envs.py")
    assert '"VLLM_WORKER_MULTIPROC_METHOD", "fork"' in text, "start_method: needed() no more"


def test_kill_process_tree() -> None:
    assert "signal.SIGKILL" in _function("utils/system_utils.py", "kill_process_tree")


def test_stop_in_order() -> None:
    text = _source("v1/utils.py").partition("\ndef shutdown(procs")[2].partition("\ndef ")[0]
    assert "proc.terminate()" in text


def test_listening_socket() -> None:
    text = _function("entrypoints/launchers/launcher.py", "create_server_socket")
    assert "SO_REUSEADDR, 1" in text and "win32" not in text


def test_usage_device() -> None:
    text = _function("utils/platform_utils.py", "cuda_get_device_properties")
    assert 'get_context("fork")' in text


def test_hub_paths() -> None:
    text = _function("model_executor/model_loader/weight_utils.py", "download_weights_from_hf")
    assert "os.path.join(model_name_or_path" in text
    assert os.sep == "/"  # needed() is about this


def test_chat_signals() -> None:
    text = _function("entrypoints/cli/openai.py", "_register_signal_handlers")
    assert "signal.SIGTSTP" in text


def test_op_sources() -> None:
    spec = importlib.util.find_spec("torch")
    assert spec and spec.origin
    text = (Path(spec.origin).parent / "_library" / "utils.py").read_text(encoding="utf-8")
    assert "inspect.getframeinfo" in text, "vllm_gfx/early/op_sources.py: is it needed still?"
