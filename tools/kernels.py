"""`kernels`: the HIP sources into build/kernels, by the checkout's own gfx_compile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from tools import paths
from tools.errors import ToolError


def kernels(arguments: Sequence[str] = ()) -> None:
    """Run `python -m gfx_compile` with these arguments, `build` for none. Raises ToolError."""
    command = [sys.executable, "-m", "gfx_compile", *(arguments or ["build"])]
    env = {**os.environ, "PYTHONPATH": str(paths.ROOT / "kernels" / "src")}
    if subprocess.run(command, cwd=paths.ROOT, env=env).returncode:
        raise ToolError("the kernels were not compiled", "the lines above say why")
