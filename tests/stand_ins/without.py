"""The variables of a process whose torch is built without torch.distributed."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "support" / "no_c10d"
_BEFORE = os.environ.get("PYTHONPATH")
WITHOUT = {"PYTHONPATH": os.pathsep.join(filter(None, [str(_FOLDER), _BEFORE]))}
