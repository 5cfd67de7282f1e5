"""What the command line says, checked, before anything runs."""

from __future__ import annotations

import re

from packaging.version import InvalidVersion, Version

from tools import build, recipes, solve
from tools.errors import ToolError
from tools.variants import chosen


def pin(
    what: str,
    version: str,
    targets: list[str] | None,
    platforms: list[str] | None,
    given: list[str] | None,
    index: str | None,
) -> None:
    """`pin rocm VERSION`. Raises ToolError."""
    from tools.rocm.pin import pin as run

    if what != "rocm":
        raise ToolError(f"cannot pin {what!r}", "only rocm is pinned by a command")
    try:
        Version(version)
    except InvalidVersion:
        raise ToolError(f"{version!r} is no version", "as 10.0.0") from None
    cards = [v for v in chosen(targets) if v.has_card]
    with build.only_one(), build.full_disk():  # a build reads what this writes
        run(version, cards, where(platforms), pythons(given), index, all_targets=not targets)


def where(platforms: list[str] | None) -> list[str]:
    """Platforms that are known, both for none. Raises ToolError for another."""
    if unknown := set(platforms or ()) - set(solve.ELSEWHERE):
        raise ToolError(f"unknown platform {min(unknown)!r}", "known: linux-64, win-64")
    return platforms or list(solve.ELSEWHERE)


def pythons(given: list[str] | None) -> list[str]:
    """Versions of Python as "3.12". Raises ToolError for what is not spelled so."""
    if wrong := [one for one in given or () if not re.fullmatch(r"3\.\d+", one)]:
        raise ToolError(f"{wrong[0]!r} is no version of Python", "as 3.12")
    return given or [recipes.shared_pins()["py"]]
