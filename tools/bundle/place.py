"""`install BUNDLE`: checked, unpacked, tried out, then used."""

from __future__ import annotations

import shutil
from pathlib import Path

from rattler import RepoDataRecord

from tools import generations, paths, solve, trial
from tools.build import full_disk, only_one
from tools.bundle import layout
from tools.bundle.unpack import unpack
from tools.console import step
from tools.errors import ToolError, no_space
from tools.variants import chosen


def install(file: Path, target: str | None, fresh: bool = False, untried: bool = False) -> Path:
    """Install the bundle `file` and use it; the prefix. Needs no network. Raises ToolError.

    Whatever fails, what was in use stays in use. `untried`: do not run it before it is used.
    """
    scratch = paths.WORK / "bundle"
    with only_one(), full_disk():
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            return _install(file, scratch, target, fresh, trial.nothing if untried else None)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _install(
    file: Path, scratch: Path, target: str | None, fresh: bool, try_out: generations.TryOut | None
) -> Path:
    _require_space(file, 1)
    with step(f"check {file.name}") as current:
        data = unpack(file, scratch, current)
        current.done(f"{data.target} for {data.platform}")
    _check_wish(data, target)
    _require_space(file, 0, data.unpacked)
    with step("solve"):
        wanted = _wanted(scratch, data)
    with step(f"install into {paths.shown(paths.prefix(data.target))}") as current:
        trying = try_out or trial.generates
        done = generations.install(data.target, wanted, trying, scratch / "unpacked", fresh)
        current.done("" if done else "unchanged")
    return generations.active(data.target)


def _check_wish(data: layout.Data, target: str | None) -> None:
    if data.platform != solve.here():
        raise ToolError(
            f"the bundle is for {data.platform}, this is {solve.here()}",
            f"make one with: python dev.py bundle --platform {solve.here()} OUT",
        )
    if target and target != data.target:
        raise ToolError(f"the bundle is for {data.target}, not {target}", "leave --target out")
    chosen([data.target])


def _require_space(file: Path, copies: int, more: int = 0) -> None:
    """Raise ToolError before the disk is full; a bundle that is not there is not an error here."""
    paths.WORK.mkdir(parents=True, exist_ok=True)
    size = file.stat().st_size if file.is_file() else 0
    needed = size * copies + more
    if shutil.disk_usage(paths.WORK).free < needed:
        raise no_space(paths.shown(paths.BUILD), f"this takes {needed / 1e9:.1f} GB")


def _wanted(scratch: Path, data: layout.Data) -> list[RepoDataRecord]:
    """The locked packages, as the solver finds them on this machine.

    Solving again tells whether they suit it: its C library, say. Raises ToolError if they do not.
    """
    channel = (scratch / layout.CHANNEL).resolve()
    found = solve.records(data.specs, channels=[channel.as_uri()])
    lock = layout.locked((scratch / layout.LOCK).read_text(encoding="utf-8"))
    chosen_here = {
        f"{layout.CHANNEL}/{r.subdir}/{r.file_name}": (r.sha256 or b"").hex() for r in found
    }
    if chosen_here != lock:
        differs = min(set(chosen_here.items()) ^ set(lock.items()))[0]
        raise ToolError(f"{differs} of the bundle is not what this machine needs", "make it anew")
    return found
