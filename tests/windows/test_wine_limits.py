"""What Wine 8 cannot do and Windows can, each shown by a program of a few lines without vLLM.

A test here fails once Wine can: then the path can be tried under Wine too, and the row can go.
"""

from __future__ import annotations

from pathlib import Path

from tests.windows import programs
from tools.windows import rig, wine

INVALID_HANDLE = 6
RANDOM = "bcryptprimitives"


def test_ctrl_break_is_not_delivered(tmp_path: Path) -> None:
    """GenerateConsoleCtrlEvent refuses it, in the very console where Ctrl-C arrives.

    Instead: tests/shims/windows gives a simulated Windows the signal that it arrives as.
    """
    said = programs.output("limits", "console", wine.windows_path(tmp_path))
    assert said["ctrl-c"] == {"error": 0, "arrived": True}
    assert said["ctrl-break"] == {"error": INVALID_HANDLE, "arrived": False}


def test_its_c_runtime_cannot_take_a_complex_float_apart() -> None:
    """When this fails drop the constraint on numpy for win-64 in tools/standin/extra.yaml."""
    assert programs.output("limits", "real", "creal", "c_double") == "1.5"
    assert programs.output("limits", "real", "crealf", "c_float") == ""


def test_it_has_no_source_of_random_numbers_for_rust() -> None:
    """When this fails drop tools/windows/source/bcryptprimitives.c and who compiles it.

    `b` is Wine's own library alone, without the one of the rig.
    """
    its_own = f"{rig.environment()['WINEDLLOVERRIDES']};{RANDOM}=b"
    assert programs.output("limits", "loads", RANDOM, WINEDLLOVERRIDES=its_own) is False
    assert programs.output("limits", "loads", RANDOM) is True
