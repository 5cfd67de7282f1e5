"""`emulate.py TARGET OP...`: the ops' kernels through the loader, their DLL and the emulator."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(ROOT), str(ROOT / "kernels" / "src")]  # last: what is installed is what is tested

from gfx_bench import emulate  # noqa: E402

target, *ops = sys.argv[1:]
print(
    json.dumps(
        [
            {"op": o.op, "case": o.case, "kernels": o.kernels, "problems": o.problems}
            for o in emulate.every(target, ops)
        ]
    )
)
