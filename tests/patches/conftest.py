"""A checkout with one recipe, its source distribution and a patch made by git format-patch."""

from __future__ import annotations

import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools import paths, recipes
from tools.recipes import Recipe

SOURCE = "".join(f"line {n}\n" for n in range(1, 21))
MESSAGE = """Change line ten

Why: it says nothing,
 and that in two lines
Origin: ours
Forwarded: no, because
Platform: all
Remove-when: never
"""
RECIPE = """\
context: {version: "1.0"}
package: {name: thing, version: "1.0"}
source:
  path: ../../build/sources/thing-1.0.tar.gz
  patches: [%s]
"""


@dataclass
class Checkout:
    """`root` is the checkout; `archive` the source; `patch` a good patch listed by the recipe."""

    root: Path
    archive: Path
    patch: Path

    def recipe(self, *listed: str) -> Recipe:
        """The recipe, listing these patches by the names they have in patches/thing."""
        folder = self.root / "recipes" / "thing"
        folder.mkdir(parents=True, exist_ok=True)
        names = [f"../../patches/thing/{name}" for name in listed or ("local/ten.patch",)]
        (folder / "recipe.yaml").write_text(RECIPE % ", ".join(names))
        return recipes.load(folder)


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@t.invalid", "-c", "core.autocrlf=false"]
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


def _patch(folder: Path) -> str:
    tree = folder / "tree"
    (tree / "pkg").mkdir(parents=True)
    (tree / "pkg" / "mod.py").write_text(SOURCE)
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "source")
    (tree / "pkg" / "mod.py").write_text(SOURCE.replace("line 10\n", "line X\n"))
    git(tree, "commit", "-qam", MESSAGE)
    return git(tree, "format-patch", "-1", "--stdout", "--no-signature", "--zero-commit")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    root = tmp_path / "checkout"
    patch = root / "patches" / "thing" / "local" / "ten.patch"
    patch.parent.mkdir(parents=True)
    patch.write_text(_patch(tmp_path))
    git(root, "init", "-q")  # as in real life, what git apply works on lies below a repository
    archive = root / "build" / "sources" / "thing-1.0.tar.gz"
    archive.parent.mkdir(parents=True)
    (tmp_path / "mod.py").write_text(SOURCE)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "mod.py", "thing-1.0/pkg/mod.py")
    monkeypatch.setattr(paths, "ROOT", root)
    monkeypatch.setattr(paths, "PATCHES", root / "patches")
    monkeypatch.setattr(paths, "WORK", root / "build" / "work")
    return Checkout(root, archive, patch)
