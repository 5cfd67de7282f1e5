"""A vLLM plug-in for servers of tests: a counter that reads a file, and a quick monitor.

The file holds MiB of system memory. Its first two readings are the start's: before the model is
loaded, and after; `START` among the variables is what the second one says.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FILE, START = "FAKE_SPILL_FILE", "FAKE_SPILL_START"
ENTRY = "[vllm.general_plugins]\nfake_spill = fake_spill:register\n"
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
    (folder / "fake_spill.py").write_text(TEXT)
    info = folder / "fake_spill-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-spill\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRY)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
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
