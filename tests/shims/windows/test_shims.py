"""What the shims for Windows do, one by one; the systems they are for are in the other files."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import huggingface_hub
import psutil
import pytest
from vllm_gfx.early import ctrl_break, start_method
from vllm_gfx.engine import (
    hub_paths,
    kill_process_tree,
    listening_socket,
    usage_device,
)
from vllm_gfx.refusal import Refusal

PATIENCE_SECONDS = 60  # for a busy machine
SLEEPER = "import time; time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPER!r}])"


def test_ctrl_break_ends_what_sigterm_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    set_: list[tuple[int, object]] = []
    monkeypatch.setattr(signal, "signal", lambda *given: set_.append(given))
    monkeypatch.setattr(signal, "SIGBREAK", 21, raising=False)
    assert ctrl_break.needed()
    ctrl_break.install()
    signal.signal(signal.SIGTERM, print)
    signal.signal(signal.SIGINT, repr)
    assert set_ == [(21, print), (signal.SIGTERM, print), (signal.SIGINT, repr)]


@pytest.mark.parametrize(
    ("methods", "asked", "needed"),
    [(["spawn"], None, True), (["spawn"], "fork", False), (["fork", "spawn"], None, False)],
)
def test_spawn_where_nothing_else_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, methods: list[str], asked: str | None, needed: bool
) -> None:
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: methods)
    monkeypatch.delenv(start_method.METHOD, raising=False)
    if asked:
        monkeypatch.setenv(start_method.METHOD, asked)
    assert start_method.needed() is needed


def test_a_tree_of_processes_is_killed() -> None:
    process = subprocess.Popen([sys.executable, "-c", PARENT])
    family = psutil.Process(process.pid)
    while not (children := family.children()):
        time.sleep(0.05)
    kill_process_tree.kill_process_tree(process.pid)
    process.wait(PATIENCE_SECONDS)
    assert not psutil.wait_procs(children, timeout=PATIENCE_SECONDS)[1]
    kill_process_tree.kill_process_tree(process.pid)  # gone: nothing to do


@pytest.mark.parametrize(
    ("create", "given", "words"),
    [
        ("create_server_socket", {"addr": ("", 0), "reuse_port": True}, "use --api-server-count 1"),
        ("create_server_unix_socket", {"path": "a.sock"}, "--uds a.sock: .* use --host and --port"),
    ],
)
def test_what_windows_has_not_is_refused(create: str, given: dict, words: str) -> None:
    with pytest.raises(Refusal, match=words) as error:
        getattr(listening_socket, create)(**given)
    assert "\n" not in str(error.value)


def test_the_hub_gets_slashes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(__version__="0"))
    monkeypatch.setattr(
        huggingface_hub.HfFileSystem, "ls", lambda self, path, **_: [asked.append(path)]
    )
    monkeypatch.setattr(os, "sep", "\\")
    assert hub_paths.needed()
    hub_paths.hf_fs().ls("org\\model\\", detail=False)
    assert asked == ["org/model/"]


def test_the_platform_says_what_the_device_is(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = SimpleNamespace(
        get_device_name=lambda device: f"card {device}",
        get_device_total_memory=lambda device: 2**30,
    )
    monkeypatch.setitem(sys.modules, "vllm.platforms", SimpleNamespace(current_platform=platform))
    assert usage_device.device_properties(0, ("name", "total_memory")) == ("card 0", 2**30)
