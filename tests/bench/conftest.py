"""gfx_bench is a tool of the checkout; what it times is the gfx_kernels that is installed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "kernels" / "src"))
