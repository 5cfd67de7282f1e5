"""Put a round together: who can take part, and why the others cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gfx_bench import errors
from gfx_bench.contestants import Contestant

Builders = Mapping[str, Callable[[], list[Contestant]]]


def gather(builders: Builders) -> tuple[list[list[Contestant]], dict[str, str]]:
    """The contestants that can be built, and by name why the rest cannot."""
    taking_part, absent = [], {}
    for name, build in builders.items():
        try:
            variants = build()
        except errors.Unavailable as reason:
            absent[name] = str(reason)
            continue
        except errors.peer_failures() as failure:
            absent[name] = errors.first_line(failure)
            continue
        if variants:
            taking_part.append(variants)
        else:
            absent[name] = "no layout of it holds this shape"
    return taking_part, absent
