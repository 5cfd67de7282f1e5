from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.shims.linear import world


@pytest.fixture(scope="session", autouse=True)
def of_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with world.of_one(tmp_path_factory.mktemp("world")):
        yield
