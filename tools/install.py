"""`install`: the built channel into a fresh prefix."""

from __future__ import annotations

from pathlib import Path

from tools import paths, prefix, solve
from tools.build import build, full_disk, only_one
from tools.console import step
from tools.variants import REFERENCE, chosen

# What the prefix holds: the packages, the model they are tried on, and the test runner.
PACKAGES = ("vllm", "vllm-gfx-tinylm", "pytest", "pytest-asyncio", "pytest-timeout")


def install(target: str | None) -> Path:
    """Build what `target` needs, then make build/env/<target> if its packages changed; its path.

    With no target nothing is asked of the solver, which gives cpu. Raises ToolError.
    """
    chosen([target] if target else None)
    build([target or REFERENCE])
    where = paths.prefix(target or REFERENCE)
    with only_one(), full_disk():
        with step("solve") as current:
            wanted = solve.records([*PACKAGES, *solve.asks_for(target)])
            gfx = next(r for r in wanted if r.name.normalized == "gfx-target")
            current.done(f"{len(wanted)} packages, {gfx.file_name}")
        with step(f"install into {paths.shown(where)}") as current:
            if not prefix.make(where, wanted):
                current.done("unchanged")
    return where
