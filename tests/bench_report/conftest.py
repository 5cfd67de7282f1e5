"""A file of made-up rows, read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bench_report import made_up
from tools.bench.rows import Row, read

Reader = Callable[[list[dict[str, Any]]], list[Row]]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Rows through a file, as the tools see them."""
    return lambda rows: read(made_up.write(tmp_path / "rows.jsonl", rows))


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """One invocation: three contestants, every bench."""
    return read(made_up.write(tmp_path_factory.mktemp("rows") / "session.jsonl", made_up.session()))
