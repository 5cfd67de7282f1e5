"""Content keys: a package is built again when, and only when, something it is made from changed."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import subprocess
from pathlib import Path

from tools import normalise, paths, placeholder, solve
from tools.errors import ToolError
from tools.recipes import Recipe

# Ours that a package passes through.
MADE_BY = [str(module.__file__) for module in (normalise, placeholder)]


def files_of(path: Path) -> list[Path]:
    """The files below `path` that git does not ignore; the builder copies the same ones."""
    if path.is_file():
        return [path]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", str(path)],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        raise ToolError(f"git ls-files failed: {listed.stderr.strip()}", "is this a git checkout?")
    found = {paths.ROOT / name for name in listed.stdout.split("\0") if name}
    return sorted(file for file in found if file.is_file())


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inputs(recipe: Recipe) -> dict[str, str]:
    """Digest of every file of this checkout that goes into the package, by its name here.

    A pinned source distribution is not hashed again: the recipe holds its sha256. Nor is a wheel,
    whose row of rocm.yaml the build adds.
    """
    pinned = (paths.SOURCES, paths.WHEELS)
    given = [p for p in recipe.source_paths if p.parent not in pinned and p != paths.ROCM]
    roots = [recipe.folder, *given, *recipe.patches, *map(Path, MADE_BY)]
    return {paths.shown(file): digest_of(file) for root in roots for file in files_of(root)}


@functools.cache
def _standin_records() -> dict[str, list[str]]:
    """sha256 of the stand-in's packages for this machine, where everything is built, by name."""
    found: dict[str, list[str]] = {}
    for repodata in [paths.STANDIN / d / "repodata.json" for d in (solve.here(), "noarch")]:
        if not repodata.is_file():
            continue
        content = json.loads(repodata.read_text(encoding="utf-8"))
        for record in content["packages.conda"].values():
            found.setdefault(record["name"], []).append(record["sha256"])
    return found


def tools_of(recipe: Recipe) -> dict[str, list[str]]:
    """What the recipe is built with: the packages it asks for by name."""
    names = [r.split()[0] for kind in ("build", "host") for r in recipe.requirements(kind)]
    return {name: sorted(_standin_records().get(name, [])) for name in sorted(names)}


def key(recipe: Recipe, variant: dict[str, str]) -> str:
    """The content key of one build; `variant` holds the variant values it uses."""
    made_from = {
        "builder": importlib.metadata.version("py-rattler-build"),
        "inputs": inputs(recipe),
        "tools": tools_of(recipe),
        "variant": variant,
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
