"""Writes the tables of README.md that come from data: `python -m tools.readme`."""

from __future__ import annotations

import sys
from typing import Any

import yaml

from tools import paths

README = paths.ROOT / "README.md"
BEGIN = "<!-- targets: begin (python -m tools.readme) -->\n"
END = "<!-- targets: end -->"


def targets_table() -> str:
    """The target table in Markdown, one line per file of variants/."""
    variants = [yaml.safe_load(p.read_text("utf-8")) for p in sorted(paths.VARIANTS.glob("*.yaml"))]
    return "\n".join(
        ["| target | for | platforms | known issues |", "|---|---|---|---|", *map(_row, variants)]
    )


def _row(variant: dict[str, Any]) -> str:
    cells = (
        f"`{variant['gfx_target'][0]}`",
        ", ".join(variant["products"]),
        ", ".join(variant["platforms"]),
        "; ".join(variant["known_issues"]) or "none known",
    )
    return f"| {' | '.join(cells)} |"


def written(text: str) -> str:
    """`text` of a README with its tables as they should be."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{targets_table()}\n{END}{after}"


def main() -> int:
    README.write_text(written(README.read_text("utf-8")), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
