"""`install` and `rollback`: a target's packages into a new prefix, and back to the one before."""

from __future__ import annotations

from pathlib import Path

from tools import generations, paths, solve, trial
from tools.build import build, full_disk, only_one
from tools.console import err, step
from tools.errors import ToolError
from tools.rocm import torch
from tools.variants import REFERENCE, chosen

USED = ("vllm", "vllm-gfx-tinylm")  # the packages, and the model they are tried on
PACKAGES = (*USED, "pytest", "pytest-asyncio", "pytest-timeout")  # what tests need of a prefix too


def install(target: str | None, fresh: bool = False) -> Path:
    """Build what `target` needs, then install it if its packages changed or `fresh`; the prefix.

    With no target nothing is asked of the solver, which gives cpu. Where packages are not built
    the channel must be there. Raises ToolError.
    """
    chosen([target] if target else None)
    name = target or REFERENCE
    if solve.builds():
        build([name])
    elif not (paths.CHANNEL / "noarch" / "repodata.json").is_file():
        what = f"{paths.shown(paths.CHANNEL)} is not here, and packages are built on Linux"
        raise ToolError(what, "copy that folder from a checkout on Linux")
    with only_one(), full_disk():
        with step("solve") as current:
            specs = [*PACKAGES, *solve.asks_for(target)]
            wanted = solve.records(specs, channels=solve.channels_for(target))
            gfx = next(r for r in wanted if r.name.normalized == "gfx-target")
            current.done(f"{len(wanted)} packages, {gfx.file_name}")
        if lacking := torch.lacking(name, solve.here(), wanted):
            err.print(f"warning: {lacking}")
        with step(f"install into {paths.shown(paths.prefix(name))}") as current:
            if not generations.install(name, wanted, trial.imports, fresh=fresh):
                current.done("unchanged")
    return generations.active(name)


def rollback(target: str | None) -> None:
    """Use the prefix that was in use before the last `install` again. Raises ToolError."""
    chosen([target] if target else None)
    with only_one(), full_disk(), step(f"roll back {target or REFERENCE}") as current:
        current.done(paths.shown(generations.rollback(target or REFERENCE)))
