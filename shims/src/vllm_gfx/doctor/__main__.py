"""`python -m vllm_gfx.doctor`; also as a file, where nothing is installed."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if __name__ == "__main__":
    sys.exit(import_module("vllm_gfx.doctor").main())
