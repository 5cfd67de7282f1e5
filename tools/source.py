"""The source distributions that recipes build from: pinned there, fetched with the pip client."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tools import cache, paths
from tools.errors import ToolError, no_space
from tools.recipes import Recipe

Progress = Callable[[str], None]


def pinned(recipe: Recipe) -> Path | None:
    """Where the recipe expects its source distribution; None if it builds from this checkout."""
    for path in recipe.source_paths:
        if path.parent == paths.SOURCES:
            return path
    return None


def have(recipe: Recipe, progress: Progress) -> bool:
    """Whether the source lies where the recipe expects it, taking it from the cache if needed."""
    target = pinned(recipe)
    if target is None or _is(target, recipe.context["sha256"]):
        return True
    cached = cache.find(recipe.context["sha256"], progress)
    if cached is None:
        return False
    place(cached, target)
    return True


def fetch(recipe: Recipe, python: Path, progress: Progress) -> None:
    """Download the source with the pip of `python` and put it in place.

    pip asks even a source distribution for its metadata, and vLLM's setup.py imports torch for
    that, so `python` belongs to an environment with the recipe's host packages. Raises ToolError
    if the index has no such file or another one.
    """
    target = pinned(recipe)
    assert target is not None
    sha256 = recipe.context["sha256"]
    with cache.scratch() as folder:
        _download(recipe, python, folder, progress)
        files = list((folder / "files").iterdir())
        if [file.name for file in files] != [target.name]:
            raise ToolError(f"pip fetched {[f.name for f in files]}, expected {target.name}")
        with cache.locked(progress):
            place(cache.add(files[0], sha256), target)


def _download(recipe: Recipe, python: Path, folder: Path, progress: Progress) -> None:
    wanted = f"{recipe.name}=={recipe.context['version']}"
    (folder / "source.txt").write_text(f"{wanted} --hash=sha256:{recipe.context['sha256']}\n")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
    options = ["--no-binary", ":all:", "--no-build-isolation", "--progress-bar", "off"]
    where = ["--dest", str(folder / "files"), "--requirement", str(folder / "source.txt")]
    script = recipe.raw["build"]["script"]
    setup = {k: recipe.fill(str(v)) for k, v in script.get("env", {}).items()}
    progress(f"downloading {wanted}")
    done = subprocess.run(
        [*pip, *options, *where], env={**os.environ, **setup}, capture_output=True, text=True
    )
    if done.returncode:
        raise _explained(recipe, wanted, done.stderr)


def _explained(recipe: Recipe, wanted: str, stderr: str) -> ToolError:
    """pip's failure as one line."""
    if got := re.search(r"Got\s+([0-9a-f]{64})", stderr):
        return ToolError(
            f"{wanted}: sha256 is {got[1]}, {paths.shown(recipe.file)} says"
            f" {recipe.context['sha256']}",
            "a truncated or replaced file: fetch again, or correct the pin if the change is meant",
        )
    if "Errno 28" in stderr:
        return no_space(paths.shown(paths.WORK))
    said = re.findall(r"^ERROR: (.+)$|^[ ╰─>]*(\w+Error: .+)$", stderr, re.MULTILINE)
    lines = stderr.strip().splitlines() or ["it ended without a word"]
    reason = "".join(said[-1]) if said else lines[-1]
    return ToolError(f"pip cannot fetch {wanted}: {reason}", "check the package index and network")


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and cache.sha256_of(path) == sha256


def place(cached: Path, target: Path) -> None:
    """Have a file of the cache at `target` too, at once or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    try:
        os.link(cached, fresh)
    except OSError:  # another file system
        shutil.copyfile(cached, fresh)
    fresh.replace(target)
