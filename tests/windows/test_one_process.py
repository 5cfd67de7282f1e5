"""vLLM on Windows Python with a torch that was built without torch.distributed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.windows import programs
from tools import paths
from tools.windows import wine

WITHOUT = wine.windows_path(paths.ROOT / "tests" / "support" / "no_c10d")
SHIM = "vllm_gfx.early.torch_distributed"


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """What programs/one_process.py says."""
    return dict(programs.output("one_process", PYTHONPATH=WITHOUT))


def test_the_world_is_one_process(said: dict[str, Any]) -> None:
    assert said["available"] is False and SHIM in said["shims"]
    assert said["world"] == [1, 0, [0]] and said["same"] and not said["left"]
