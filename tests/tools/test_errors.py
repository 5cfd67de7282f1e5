"""A full disk is known by what each system and language calls it."""

from __future__ import annotations

import errno

import pytest

from tools.errors import is_no_space


@pytest.mark.parametrize(
    ("error", "is_full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (RuntimeError("IO error: No space left on device (os error 28)"), True),
        (RuntimeError("IO error: Espace insuffisant (os error 112)"), True),
        (RuntimeError("IO error: Network is down (os error 1128)"), False),
        (RuntimeError("IO error: Connection refused (os error 111)"), False),
    ],
)
def test_a_full_disk(error: Exception, is_full: bool) -> None:
    assert is_no_space(error) == is_full
