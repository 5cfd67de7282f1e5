"""What Wine 8 cannot do and Windows can, each shown by a program of a few lines without vLLM.

A test here fails once Wine can: then the path can be tried under Wine too, and the row can go.
"""

from __future__ import annotations

from pathlib import Path

from tests.windows import programs
from tools.windows import wine

INVALID_HANDLE = 6


def test_ctrl_break_is_not_delivered(tmp_path: Path) -> None:
    """GenerateConsoleCtrlEvent refuses it, in the very console where Ctrl-C arrives.

    Instead: tests/shims/windows gives a simulated Windows the signal that it arrives as.
    """
    said = programs.output("limits", "console", wine.windows_path(tmp_path))
    assert said["ctrl-c"] == {"error": 0, "arrived": True}
    assert said["ctrl-break"] == {"error": INVALID_HANDLE, "arrived": False}
