"""Tests here run on Linux and start programs of the Windows prefix under Wine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.windows import checkout as checkouts
from tools.windows import wine


@pytest.fixture(scope="session", autouse=True)
def one_wine_server() -> Iterator[None]:
    """Wine's server stays up from the first test to the last, and ends with them."""
    with wine.drives():
        yield


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> checkouts.Checkout:
    return checkouts.make(tmp_path_factory.mktemp("doors"), tmp_path_factory.mktemp("wheels"))
