"""Which rows were measured on random weights, as far as their settings tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tools.bench.rows import Row

RANDOM = "dummy"  # vLLM's --load-format


def sentences(rows: Iterable[Row]) -> Iterator[str]:
    """One where any row says so; it names the models unless all rows do."""
    measured = [row for row in rows if row.value is not None]
    random = [row for row in measured if row.settings.get("load_format") == RANDOM]
    if random:
        names = ", ".join(dict.fromkeys(row.subject for row in random))
        of = "" if len(random) == len(measured) else f" in rows of {names}"
        yield (
            f"Random weights (`--load-format {RANDOM}`){of}; nothing is read from disk: start-up, "
            "as measured and as aimed at, contains no reading of a checkpoint."
        )
