"""A vLLM plug-in for engines of tests, which makes steps run out of memory."""

from __future__ import annotations

import os
from pathlib import Path


def plugin(folder: Path, text: str) -> dict[str, str]:
    """Write the plug-in, whose `register()` is in `text`: the variables of engines that have it."""
    (folder / "small_memory.py").write_text(text, encoding="utf-8")
    info = folder / "small_memory-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: small-memory\nVersion: 1\n")
    entry = "[vllm.general_plugins]\nsmall_memory = small_memory:register\n"
    (info / "entry_points.txt").write_text(entry)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path}
