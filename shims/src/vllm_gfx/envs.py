"""Every environment variable this package reads, with its default and meaning."""

from __future__ import annotations

import os

# name -> what it does; `doctor` prints this table.
VARIABLES = {
    "VLLM_GFX_SIMULATE": "a gfx name: run the AMD path on CPU with Triton's interpreter (tests)",
    "VLLM_GFX_REPORT": "a file: write which implementation served each layer, as JSON lines",
}


def simulated_target() -> str:
    """The gfx name to simulate, or an empty string."""
    return os.environ.get("VLLM_GFX_SIMULATE", "")


def report_file() -> str:
    """Where to write the report, or an empty string."""
    return os.environ.get("VLLM_GFX_REPORT", "")
