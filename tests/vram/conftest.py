from __future__ import annotations

from tests.engine.conftest import start
from tests.preflight.conftest import checkpoint

__all__ = ["checkpoint", "start"]
