"""What is installed of a target: a folder per attempt, and which of them is in use.

    build/env/cpu@3/     a generation; never renamed, since its scripts hold its path
    build/env/cpu.json   {"active": "cpu@3", "previous": "cpu@2"}, replaced in one step
    build/env/cpu        a link to the active one, for people and scripts

Whatever is killed and whenever, the active generation is complete and has been tried out: a new one
is named only after that. The link follows; if it is behind, the next install or
rollback corrects it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rattler import RepoDataRecord

from tools import links, long_paths, paths, prefix
from tools.console import err
from tools.errors import ToolError
from tools.trust import owners, verify
from tools.variants import install_command

TryOut = Callable[[Path], None]  # raises ToolError if the prefix does not work


@dataclass(frozen=True)
class State:
    """Names of generations, which lie beside the link; None if there is none."""

    active: str | None = None
    previous: str | None = None


def read(target: str) -> State:
    """Which generations of `target` are in use. Raises ToolError if its file is damaged."""
    file = _file(target)
    if not file.is_file():
        link = paths.prefix(target)  # a folder, if an earlier version of this tool made it
        there = (link / prefix.LIST).is_file()
        return State(active=(links.leads_to(link) or link.name) if there else None)
    try:
        return State(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise ToolError(
            f"{paths.shown(file)} is damaged", f"delete it and run: {install_command(target)}"
        ) from None


def active(target: str) -> Path:
    """The prefix of `target` that is in use; where it would be if nothing is installed."""
    name = read(target).active
    return paths.prefix(target).with_name(name) if name else paths.prefix(target)


def install(
    target: str,
    wanted: Sequence[RepoDataRecord],
    try_out: TryOut,
    cache: Path | None = None,
    fresh: bool = False,
    platform: str | None = None,
) -> bool:
    """Make a generation of exactly these packages, try it out, then use it.

    Returns False if the active one is made of them already, unless `fresh`. If anything fails, the
    active one stays in use and the new one is removed. `cache` is where packages are unpacked,
    `platform` what they are for, by default this one.
    """
    before = read(target)
    if not fresh and prefix.is_made_of(active(target), wanted):
        _link(target, before)
        return False
    _sweep(target, before)
    where = _next(target, before)
    try:
        prefix.make(where, wanted, cache, platform)
        long_paths.check(where)
        owners.check_prefix(where)
        check_intact(target, where)
        try_out(where)
    except BaseException:
        long_paths.remove(where)
        raise
    in_the_way = before.active == paths.prefix(target).name  # where the link has to be
    _use(target, State(where.name, None if in_the_way else before.active))
    return True


def rollback(target: str) -> Path:
    """Use the previous generation again, if it is as it was; its folder.

    A second call goes forward again. Raises ToolError, changing nothing, if there is none.
    """
    now = read(target)
    where = paths.prefix(target).with_name(now.previous or "none")
    if not now.previous or not (where / prefix.LIST).is_file():
        raise ToolError(
            f"there is no earlier installation of {target} to go back to",
            "one is kept whenever a new one is installed",
        )
    check_intact(target, where)
    _use(target, State(now.previous, now.active))
    return where


def check_intact(target: str, where: Path) -> None:
    """Raise ToolError if a file of the prefix is not as its package says."""
    if lines := verify.verify(where).lines():
        raise ToolError(
            f"{paths.shown(where)} is not as its packages say: {lines[0]}"
            + (f" and {len(lines) - 1} more" if lines[1:] else ""),
            f"run: {install_command(target, '--fresh')}",
        )


def _use(target: str, state: State) -> None:
    fresh = _file(target).with_suffix(".new")
    fresh.write_text(json.dumps(asdict(state)), encoding="utf-8")
    fresh.replace(_file(target))  # here it switches
    _link(target, state)
    _sweep(target, state)


def _file(target: str) -> Path:
    return paths.prefix(target).with_name(f"{target}.json")


def _next(target: str, state: State) -> Path:
    """A folder that no generation has had since the oldest that is still there."""
    folder = paths.prefix(target).parent
    names = [p.name for p in folder.glob(f"{target}@*")]
    used = [n for n in [*names, state.active, state.previous] if n and "@" in n]
    number = 1 + max((int(name.rpartition("@")[2]) for name in used), default=0)
    return folder / f"{target}@{number}"


def _sweep(target: str, state: State) -> None:
    """Remove what is not in use: left by a killed run, or older than the previous one."""
    folder = paths.prefix(target).parent
    for old in [*folder.glob(f"{target}@*"), *folder.glob(f"{target}.old")]:
        if old.name not in (state.active, state.previous):
            long_paths.remove(old)


def _link(target: str, state: State) -> None:
    """Point the link at the active generation, if it does not.

    It is for people: on Windows it stays while a console is in it, and some disks have no links.
    """
    link = paths.prefix(target)
    if not state.active or state.active in (link.name, links.leads_to(link)):
        return
    try:
        links.point(link, state.active)
    except OSError as error:
        where = paths.shown(link.with_name(state.active))
        reason = f"{paths.shown(link)} cannot lead there: {error.strerror}"
        err.print(f"warning: {where} is in use now, but {reason}", markup=False)
