"""Which implementation of an op serves a call: the one asked for, or the first that can.

What is asked for and cannot serve raises. What is passed over automatically is recorded, with the
reason, once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from gfx_kernels import envs

_log = logging.getLogger(__name__)
_passed_over: dict[tuple[str, str, str], None] = {}  # a dict keeps the order, a set does not


@dataclass(frozen=True)
class Implementation:
    """One way to compute an op. `why_not(*arguments)` is None where it can serve them."""

    name: str
    why_not: Callable[..., str | None]


def pick(
    op: str,
    implementations: Sequence[Implementation],
    *arguments: Any,
    asked: str | None = None,
) -> Implementation:
    """The implementation of `op` for `arguments`.

    `asked` comes before `GFX_KERNELS_IMPLEMENTATION`, which comes before the order of the list.
    Raises ValueError if the one asked for is unknown or cannot serve, or if none can.
    """
    name = asked or named(op)
    if name:
        return _asked_for(op, implementations, name, arguments)
    refusals: list[tuple[str, str]] = []
    for candidate in implementations:
        reason = candidate.why_not(*arguments)
        if reason is None:
            for refused, why in refusals:
                pass_over(op, refused, why)
            return candidate
        refusals.append((candidate.name, reason))
    said = "; ".join(f"{refused}: {why}" for refused, why in refusals)
    raise ValueError(f"no implementation of {op} serves this call ({said})")


def named(op: str) -> str | None:
    """The implementation of `op` that GFX_KERNELS_IMPLEMENTATION asks for."""
    return _by_variable(envs.implementations()).get(op)


def record() -> list[tuple[str, str, str]]:
    """What was passed over automatically since the start: (op, implementation, reason)."""
    return list(_passed_over)


def _asked_for(
    op: str, implementations: Sequence[Implementation], name: str, arguments: tuple[Any, ...]
) -> Implementation:
    found = next((i for i in implementations if i.name == name), None)
    if found is None:
        known = ", ".join(i.name for i in implementations)
        raise ValueError(f"{op} has no implementation {name!r}; it has: {known}")
    reason = found.why_not(*arguments)
    if reason is not None:
        raise ValueError(f"{op}: {name} was asked for and cannot serve this call: {reason}")
    return found


def pass_over(op: str, implementation: str, reason: str) -> None:
    """Record that `implementation` did not serve, and say so the first time."""
    key = (op, implementation, reason)
    if key not in _passed_over:
        _passed_over[key] = None
        _log.info("%s: not %s: %s", *key)


@lru_cache(maxsize=8)
def _by_variable(text: str) -> dict[str, str]:
    """`op=name,op=name` as a dict; a word that names no op is a mistake, not a wish."""
    asked = {}
    for word in filter(None, (w.strip() for w in text.split(","))):
        op, _, name = word.partition("=")
        if not name or not (Path(__file__).parent / op / "reference.py").is_file():
            raise ValueError(
                f"GFX_KERNELS_IMPLEMENTATION: {word!r} is not <op>=<implementation> "
                "of an op of gfx_kernels"
            )
        asked[op] = name
    return asked
