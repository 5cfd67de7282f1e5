"""`verify`: what differs in a prefix, for people."""

from __future__ import annotations

from pathlib import Path

from tools import generations
from tools.console import out, step
from tools.errors import ToolError
from tools.trust import verify as check
from tools.variants import REFERENCE, chosen, install_command


def verify(where: Path | None, target: str | None) -> None:
    """Print what differs in `where`, or in what is installed of `target`; ToolError if any does."""
    chosen([target] if target else None)
    where = where or generations.active(target or REFERENCE)
    with step(f"verify {where}") as current:
        found = check.verify(where)
        current.done(f"{found.files} files, {found.size / 1e9:.1f} GB")
    for line in found.lines():
        out.print(line, markup=False)
    if found.lines():
        counts = f"{len(found.changed)} changed, {len(found.missing)} missing"
        raise ToolError(
            f"{where} is not as its packages say: {counts}, {len(found.extra)} extra",
            f"install it again: {install_command(target, '--fresh')}",
        )
