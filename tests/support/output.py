"""What a failing test shows of a program's output: little enough that its cause is not cut off."""

from __future__ import annotations

SHOWN = 3000  # characters


def end(output: str) -> str:
    return f"its output ends:\n{output[-SHOWN:]}"


def check_lacks(output: str, *words: str) -> None:
    """Raise AssertionError with the lines that hold one of `words`."""
    found = "\n".join(line for line in output.splitlines() if any(w in line for w in words))
    assert not found, f"in its output:\n{found[:SHOWN]}\n{end(output)}"
