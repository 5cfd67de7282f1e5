"""`kernels/golden.yaml`: the sha256 of every object, so that a change of its bytes is seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from gfx_compile import build, paths

_HEADER = """\
# Written by `python dev.py kernels golden`: the sha256 of every code object, by target and op.
# A difference that no source, flag or compiler version explains is a build that is not
# reproducible.
"""


def of(out: Path, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The hashes of what is built in `out`, by target and op."""
    return {
        name: {f.stem: build.digest(f.read_bytes()) for f in sorted((out / name).glob("*.hsaco"))}
        for name in sorted(names)
    }


def read() -> dict[str, dict[str, str]]:
    """The committed hashes."""
    content: dict[str, dict[str, str]] = yaml.safe_load(paths.GOLDEN.read_text(encoding="utf-8"))
    return content


def write(out: Path, names: Sequence[str]) -> None:
    """Make the hashes of `out` the committed ones."""
    text = yaml.safe_dump(of(out, names), sort_keys=True)
    paths.GOLDEN.write_text(_HEADER + text, encoding="utf-8", newline="\n")
