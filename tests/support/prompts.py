"""Prompts of mixed length and kind, the same for every test that compares tokens."""

from __future__ import annotations

from pathlib import Path

LICENSE = Path(__file__).parents[2].joinpath("LICENSE").read_text(encoding="utf-8")

SHORT = (
    "The",
    "import os\n",
    "def main(argv=None):\n    ",
    "class Queue:\n    def __init__(self, maxsize=0):\n",
    "Return a new list containing all items from",
    "This module provides a portable way of using operating system dependent",
    "    for name in sorted(names):\n        if name",
    "If the optional argument *timeout* is",
    "Changed in version 3.8:",
    "raise ValueError(",
    ">>> from collections import",
    "To install vLLM, run the following command",
)
# (first character, number of characters) of slices of the licence text.
_SLICES = (
    (0, 90),
    (200, 133),
    (640, 200),
    (1000, 321),
    (1500, 400),
    (2000, 512),
    (2600, 610),
    (3000, 777),
    (3900, 900),
    (4500, 1111),
    (5200, 1300),
    (6000, 1500),
)
TEXTS: tuple[str, ...] = (*SHORT, *(LICENSE[a : a + n] for a, n in _SLICES))
LONG = LICENSE[2000:5000]
