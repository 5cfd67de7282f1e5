"""`pin rocm VERSION`: the files of a release, from AMD's index, with hashes that are measured."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tools import paths
from tools.console import err, step
from tools.errors import ToolError
from tools.rocm import pins
from tools.rocm.index import Index
from tools.rocm.jobs import StackJob, stack
from tools.rocm.measure import Release, from_pip, listed_in, measured
from tools.rocm.versions import versions_of
from tools.variants import Variant


def pin(
    version: str,
    targets: Sequence[Variant],
    where: Sequence[str],
    pythons: Sequence[str],
    root: str | None,
    all_targets: bool,
) -> None:
    """Write the pins of ROCm `version` into recipes/rocm.yaml and pins.yaml.

    For every file of `targets` on the platforms `where`: one with a hash stays as it is, any other
    is downloaded into the cache, compared with its own RECORD, and measured. Raises ToolError; what
    was measured before that is kept, pins.yaml is then as it was. With `all_targets` a target that
    the index does not have is left out and named, else it is an error.
    """
    known = pins.read()
    release = Release(version, Index(root or known.index), known)
    with step(f"versions of ROCm {version}") as current:
        versions = versions_of(release, where[0], pythons[0], current)
        current.done(", ".join(f"{name} {value}" for name, value in versions.items()))
    for platform in where:
        fitting = [v for v in targets if platform in v.platforms]
        jobs = stack(fitting, platform, pythons, tuple(versions.items()))
        for name, job in {job.wheel: job for job in jobs if job.wheel}.items():
            _fill(release, name, job, optional=all_targets and job.variant is not None)
    set_shared(versions)


def _fill(release: Release, name: str, job: StackJob, optional: bool) -> None:
    pin = release.known.wheels.get(name)
    if pin and pin.sha256:
        return
    with step(f"pin {name}") as current:
        if job.recipe.raw["extra"].get("index") == "pip":
            from_pip(release, name, job, current)
            return
        try:
            listed = listed_in(release, name)
        except ToolError as error:
            if not optional:
                raise
            err.print(f"left out: {error}")
            return
        measured(release, listed.filename, current)


def set_shared(versions: dict[str, str]) -> None:
    """Change these values in pins.yaml and leave its comments as they are."""
    text = paths.PINS.read_text(encoding="utf-8")
    for key, value in versions.items():
        text = re.sub(rf'(?m)^{key}: \["[^"]*"\]', f'{key}: ["{value}"]', text)
    fresh = paths.PINS.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(paths.PINS)
