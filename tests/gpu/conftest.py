from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.gpu.runs import Runs
from tests.support import adapter, tinylm


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these need a GPU; what holds without one is in tests/engine."""
    skip = pytest.mark.skip(reason="needs a GPU")
    for item in items:
        if item.path.parent == Path(__file__).parent and not torch.cuda.is_available():
            item.add_marker(skip)


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Every engine, started at once."""
    folder = tmp_path_factory.mktemp("adapter")
    return Runs(adapter.write(tinylm.copy(tinylm.ORIGINAL), folder))
