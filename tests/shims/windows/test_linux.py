"""On Linux nothing that is for Windows does anything: vLLM is as upstream has it."""

from __future__ import annotations

import sys

import pytest

from tests.support import fresh

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it is about Linux")


def _as_upstream() -> None:
    import asyncio
    import inspect
    import os
    import signal

    start_method = "VLLM_WORKER_MULTIPROC_METHOD"
    os.environ.pop(start_method, None)
    policy, handler = asyncio.get_event_loop_policy(), signal.signal
    import uvloop
    from vllm import plugins, usage
    from vllm.entrypoints.cli import openai
    from vllm.entrypoints.launchers import launcher
    from vllm.transformers_utils import repo_utils
    from vllm.usage import usage_lib
    from vllm.utils import system_utils
    from vllm_gfx import apply

    plugins.load_general_plugins()
    foreign = {s.__name__ for stage in apply.STAGES for s in apply.shims(stage) if _foreign(s)}
    assert foreign and foreign.isdisjoint(apply.active()), apply.active()
    assert not [name for name in sys.modules if name.startswith("vllm_gfx.stand_ins.")]
    assert start_method not in os.environ and usage
    assert asyncio.get_event_loop_policy() is policy and signal.signal is handler
    for ours in (
        uvloop.run,
        launcher.create_server_socket,
        launcher.create_server_unix_socket,
        openai._register_signal_handlers,
        repo_utils.hf_fs,
        system_utils.kill_process_tree,
        usage_lib.cuda_get_device_properties,
    ):
        assert "vllm_gfx" not in inspect.getfile(ours), ours


def _foreign(shim: object) -> bool:
    return getattr(shim, "APPLIES", ()) == ("win32",)


def _patched_parts() -> None:
    from tests.shims.windows import startup

    first, second, bound = startup.addresses()
    assert first.startswith("ipc:///") and second.startswith("ipc:///") and bound == first
    found = startup.dead_engine()
    assert found["polled"] == ["Socket", "int"]
    assert found["error"].startswith("Engine core initialization failed"), found


def _both() -> None:
    _as_upstream()
    _patched_parts()


def test_linux_is_as_upstream() -> None:
    """No shim is installed; processes meet at ipc:// addresses, the poller watches sentinels.

    In one process: importing vLLM's server costs most.
    """
    fresh.run(_both)
