"""A vLLM plug-in for servers of tests: a counter that reads a file, and a quick monitor.

The file holds MiB of system memory. Its first two readings are the start's: before the model is
loaded, and after; `START` among the variables is what the second one says.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import plugin

FILE, START = "FAKE_SPILL_FILE", "FAKE_SPILL_START"
TEXT = f"""
import os
from pathlib import Path

class Counters:
    taken = 0

    def read(self):
        from vllm_gfx.vram.usage import Usage

        Counters.taken += 1
        start = {{1: 0, 2: int(os.environ["{START}"])}}.get(Counters.taken)
        shared = int(Path(os.environ["{FILE}"]).read_text()) if start is None else start
        return {{"card": Usage(shared << 20, 18 << 30)}}

    def close(self):
        pass

def register():
    from vllm_gfx import envs
    from vllm_gfx.engine import refuse_when_spilled
    from vllm_gfx.vram import counters, monitor

    counters.here = Counters
    monitor.SECONDS = 0.1
    if refuse_when_spilled.needed():  # as on Windows, where it applies
        refuse_when_spilled.install()
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, start: int = 0) -> Path:
    """Servers of this test have the plug-in: the file for it, which says 0."""
    plugin.install(folder, "fake_spill", TEXT, monkeypatch)
    monkeypatch.setenv(FILE, str(folder / "shared"))
    monkeypatch.setenv(START, str(start))
    shared = folder / "shared"
    say(shared, 0)
    return shared


def say(shared: Path, mib: int) -> None:
    """What the next reading is. In one step: a monitor that reads meanwhile finds no empty file."""
    beside = shared.with_suffix(".new")
    beside.write_text(str(mib))
    beside.replace(shared)
