"""Builds vllm-gfx-tinylm: the trained checkpoint and the quantised copies packed from it."""

import os
from pathlib import Path

from pack.package import build

build(Path(), Path(os.environ["PREFIX"]) / "share" / "vllm-gfx-tinylm")
