"""Engines that wait where a test wants them to: what it asks of them cannot be over before.

By a plug-in of vLLM's in the engine's process, which looks for files of these names in its folder.
Imports nothing that only a prefix has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import plugin

MODULE = "held_engine"
STEPS, START = "steps", "start"
STEP_SECONDS = 1.0
AT_ITS_START = "the engine is held before its KV cache"
VARIABLE = "GFX_TESTS_HELD"
TEXT = f"""
import os, sys, time
from pathlib import Path

def asked(name):
    return Path(os.environ["{VARIABLE}"], name).exists()

def register():
    core = sys.modules.get("vllm.v1.engine.core")
    if core is None:  # no engine's process
        return
    step, start = core.EngineCoreProc._process_engine_step, core.EngineCore._initialize_kv_caches

    def slow_step(engine):
        over = time.monotonic() + {STEP_SECONDS}
        while asked("{STEPS}") and engine.is_running() and time.monotonic() < over:
            time.sleep(0.02)
        return step(engine)

    def held_start(*args):
        if asked("{START}"):
            print("{AT_ITS_START}", flush=True)
        while asked("{START}"):
            time.sleep(0.02)
        return start(*args)

    core.EngineCoreProc._process_engine_step = slow_step
    core.EngineCore._initialize_kv_caches = held_start
"""


@dataclass(frozen=True)
class Held:
    """What the engines are told whose servers have `folder` as VARIABLE and on PYTHONPATH."""

    folder: Path

    @contextmanager
    def slow_steps(self) -> Iterator[None]:
        """Within the block a token takes a second, until the engine is asked to stop."""
        with self._told(STEPS):
            yield

    @contextmanager
    def start(self) -> Iterator[None]:
        """No engine gets past its start within the block; each says AT_ITS_START."""
        with self._told(START):
            yield

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        (self.folder / name).touch()
        try:
            yield
        finally:
            (self.folder / name).unlink()


def write(folder: Path) -> Held:
    plugin.write(folder, MODULE, TEXT)
    return Held(folder)


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Held:
    """The engines of the servers that this test starts."""
    plugin.install(tmp_path, MODULE, TEXT, monkeypatch)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return Held(tmp_path)
