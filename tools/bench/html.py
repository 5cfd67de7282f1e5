"""One HTML page with everything: no other file, no network, readable on a phone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools.bench import cases, energy, loading, meaning, overlap, words
from tools.bench.difference import Verdict
from tools.bench.groups import OURS, Group
from tools.bench.headline import COLUMNS, MARKED, answer, clear, count, losses, matches
from tools.bench.plots import Plot
from tools.bench.rows import Row

TEMPLATE = "report.html.j2"


def page(rows: Sequence[Row], groups: Sequence[Group], plots: Sequence[Plot]) -> str:
    """The page for `rows`, whose `groups` and `plots` are already made."""
    loader = FileSystemLoader(Path(__file__).parent)
    about = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    about.filters |= {"inline": inline, "plain": plain}
    lost = list(losses(groups))
    return about.get_template(TEMPLATE).render(
        rows=rows,
        counts=_counting(rows),
        groups=groups,
        plots=plots,
        failures=cases.failures(rows),
        losses=lost,
        clear=clear(lost),
        comparisons=count(groups),
        setups=setups(rows),
        longest=longest(rows),
        benches=meaning.BENCHES,
        method=[*meaning.METHOD, *overlap.sentences(rows)],
        loaded=list(loading.sentences(cases.newest(rows))),
        columns=COLUMNS,
        marked=MARKED,
        **_names(),
    )


def _names() -> dict[str, Any]:
    """Functions and constants that the template uses under their own names."""
    used = {"answer": answer, "matches": matches, "cases": cases, "words": words, "energy": energy}
    return used | {"Verdict": Verdict, "OURS": OURS}


def _counting(rows: Sequence[Row]) -> Callable[[Row], bool]:
    """Whether a row is the newest of its case, or a failure that still stands."""
    kept = {id(row) for row in [*cases.newest(rows), *cases.failures(rows)]}
    return lambda row: id(row) in kept


def setups(rows: Sequence[Row]) -> list[Row]:
    """A row for every invocation, model, contestant and mode, of a whole engine if there is one."""
    found: dict[tuple[str, ...], Row] = {}
    for row in sorted(rows, key=lambda row: row.bench == "ablate"):
        found.setdefault(_setup(row), row)
    return list(found.values())


def longest(rows: Sequence[Row]) -> Callable[[Row], list[dict[str, Any]]]:
    """The longest kernels of a step in the setup of a row."""

    def of(row: Row) -> list[dict[str, Any]]:
        return cases.longest(other for other in rows if _setup(other) == _setup(row))

    return of


def _setup(row: Row) -> tuple[str, ...]:
    return (row.run, row.subject, row.contestant, cases.mode(row))


def inline(svg: str) -> str:
    """An SVG image as the address of itself."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def plain(value: Any) -> str:
    """A value of a row as text: nothing for None, JSON for what is nested."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
