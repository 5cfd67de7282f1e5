"""`build --rocm`: AMD's wheels as packages of the channel."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tools import build, paths, recipes, solve
from tools.console import err, step
from tools.errors import ToolError
from tools.rocm import command, pins, store
from tools.rocm.check import check
from tools.rocm.jobs import StackJob, stack
from tools.standin import platforms
from tools.variants import Variant, chosen

ROOM = 8  # times the size of the largest wheel: unpacked, packed twice


def build_stack(
    targets: list[str] | None, platform: str | None, pythons: list[str] | None, folder: Path | None
) -> None:
    """Bring the ROCm packages of `targets` (none: all) for `platform` (none: this) up to date.

    `pythons` ("3.12") are those that torch and what overlays it are for; none: that of pins.yaml.
    Wheels come from the download cache, from `folder`, or from AMD's index. Raises ToolError, then
    packages that were finished before are in the channel and all others are as they were.
    """
    (on,) = command.where([platform or solve.here()])
    asked = command.pythons(pythons)
    jobs = plan(chosen(targets), on, asked, not targets)
    _say_if_useless_here(on, asked)
    with build.only_one(), build.full_disk():
        build.stand_in(solve.here())
        _place(jobs, on, folder)
        with step("wheels fit their recipes and each other"):
            check(jobs)
        _make([job for job in jobs if not job.is_current()])
        build.publish()
        shutil.rmtree(paths.WORK, ignore_errors=True)


def _say_if_useless_here(platform: str, pythons: Sequence[str]) -> None:
    """The stand-in for conda-forge has one Python; packages for another are for others to use."""
    there = platforms.get(platform).python
    if there not in pythons:
        err.print(
            f"note: `install` and `bundle` use a stand-in for conda-forge that has Python {there}"
            f" only; for them add --python {there}"
        )


def plan(
    targets: Sequence[Variant], platform: str, pythons: Sequence[str], every: bool = False
) -> list[StackJob]:
    """What is to be built. Raises ToolError if a target is not for `platform` or lacks a hash.

    With `every` nobody named the targets: those that are not for `platform` are left out, and, with
    a note, those that AMD publishes on another stream: rocm.yaml has no row of theirs.
    """
    elsewhere = [v.name for v in targets if platform not in v.platforms]
    if elsewhere and not every:
        raise ToolError(f"{', '.join(elsewhere)} is not for {platform}", "see variants/")
    fitting = [v for v in targets if platform in v.platforms]
    known = pins.read()
    strange = [v for v in fitting if _is_on_another_stream(v, known, platform, pythons)]
    _without_rows([v.name for v in strange], every)
    jobs = stack([v for v in fitting if v not in strange], platform, pythons)
    _have_hashes(jobs, known, [] if every else fitting, platform, pythons)
    return jobs


def _is_on_another_stream(
    target: Variant, known: pins.Pins, platform: str, pythons: Sequence[str]
) -> bool:
    """Whether rocm.yaml knows none of the target's own wheels, of whatever Python."""
    jobs = stack([target], platform, pythons) if target.has_card else []
    own = {job.wheel for job in jobs if job.wheel and "gfx_target" in job.recipe.use_keys}
    return bool(own) and own.isdisjoint(known.wheels)


def _without_rows(names: Sequence[str], every: bool) -> None:
    """Say which targets are left out. Raises ToolError if they were named."""
    what = f"{paths.shown(paths.ROCM)} has no row for {', '.join(names)}"
    if names and not every:
        command = f"python dev.py pin rocm VERSION --index URL --target {names[0]}"
        raise ToolError(what, f"where AMD has it on another stream: `{command}`")
    if names:
        err.print(f"left out: {what}")


def _have_hashes(
    jobs: Sequence[StackJob],
    known: pins.Pins,
    named: Sequence[Variant],
    platform: str,
    pythons: Sequence[str],
) -> None:
    """Raise ToolError, with the command that measures it, for a wheel that lacks its hash."""
    lacking = [job.wheel for job in jobs if job.wheel and not _has_hash(known, job.wheel)]
    if lacking:
        asked = "".join(f" --target {v.name}" for v in named if v.has_card)
        asked += f" --platform {platform}" + "".join(f" --python {p}" for p in pythons)
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise ToolError(
            f"{paths.shown(paths.ROCM)} has no sha256 for {lacking[0]}{more}",
            f"fill it with `python dev.py pin rocm {recipes.shared_pins()['rocm']}{asked}`"
            " where AMD's index can be reached",
        )


def _has_hash(known: pins.Pins, name: str) -> bool:
    pin = known.wheels.get(name)
    return pin is not None and pin.sha256 is not None


def _place(jobs: Sequence[StackJob], platform: str, folder: Path | None) -> None:
    known = pins.read()
    names = list(dict.fromkeys(job.wheel for job in jobs if job.wheel))
    with step("wheels by their hash") as current:
        for number, name in enumerate(names, 1):
            current(f"{name} ({number} of {len(names)})")
            store.place(known, name, platform, folder, current)
        current.done(f"{len(names)} files")


def _make(outdated: Sequence[StackJob]) -> None:
    largest = max((job.file.stat().st_size for job in outdated if job.wheel), default=0)
    build.require_space(ROOM * largest)
    for job in outdated:
        with step(f"build {job.name}") as current:
            build.make(job, current)
