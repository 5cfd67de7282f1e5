from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

LOCAL = ("127.0.0.1", "localhost")
# The tests ask servers of this machine, which its proxy for other machines would not find.
_DIRECT = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
os.environ["no_proxy"] = ",".join(filter(None, (_DIRECT, *LOCAL)))
PYTESTS = "PYTEST_CURRENT_TEST"  # pytest sets it for each test, and takes it back


@pytest.fixture(scope="module", autouse=True)
def environment_variables_are_taken_back() -> Iterator[None]:
    """What engines and platforms set in this process is not for the tests of another file."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys() - {PYTESTS}:
        del os.environ[name]
    os.environ.update({name: value for name, value in before.items() if name != PYTESTS})
