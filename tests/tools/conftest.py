"""A small checkout of its own: two recipes that build in a moment, an empty stand-in channel."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from rattler.index import index_fs

from tools import paths, standin

TARGET = """\
schema_version: 1
package: {name: gfx-target, version: "1"}
build:
  number: 0
  noarch: generic
  string: ${{ gfx_target }}_0
  variant: {use_keys: [gfx_target]}
"""
DATA = """\
schema_version: 1
context: {version: "1.0"}
package: {name: data, version: "${{ version }}"}
source: [{path: ../../content, target_directory: content}]
build:
  number: 0
  noarch: generic
  script:
    content:
      - mkdir -p "$PREFIX/share"
      - cp content/* "$PREFIX/share/"
    env: {USED: "${{ used }}"}
requirements:
  run: [gfx-target]
"""


@dataclass
class Checkout:
    """`root` is the checkout."""

    root: Path

    def packages(self) -> set[str]:
        return {p.name for p in (paths.CHANNEL / "noarch").glob("*.conda")}

    def recipe(self, name: str) -> Path:
        return self.root / "recipes" / name / "recipe.yaml"

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.root / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


def _write(root: Path) -> None:
    files = {
        "recipes/gfx-target/recipe.yaml": TARGET,
        "recipes/data/recipe.yaml": DATA,
        "content/one.txt": "one\n",
        "pins.yaml": 'used: ["1"]\nunused: ["2"]\n',
        ".gitignore": "/build/\nignored.txt\n",
    }
    write_files(root, files, ("cpu", "gfx1100"))


def write_files(root: Path, files: dict[str, str], targets: Sequence[str]) -> None:
    """A git checkout at `root` of `files`, and the variant files of `targets` as they are here."""
    variants = [f"variants/{target}.yaml" for target in targets]
    for name, text in (files | {v: (paths.ROOT / v).read_text() for v in variants}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q", str(root)], check=True)


def point_to(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the tools take `root` for the checkout."""
    build = root / "build"
    places = {
        "ROOT": root,
        "RECIPES": root / "recipes",
        "VARIANTS": root / "variants",
        "PATCHES": root / "patches",
        "PINS": root / "pins.yaml",
        "ROCM": root / "recipes" / "rocm.yaml",
        "BUILD": build,
        "CHANNEL": build / "channel",
        "STANDIN": build / "conda-forge",
        "SOURCES": build / "sources",
        "WHEELS": build / "wheels",
        "STAMPS": build / "stamps",
        "WORK": build / "work",
    }
    for name, place in places.items():
        monkeypatch.setattr(paths, name, place)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    root = tmp_path / "checkout"
    _write(root)
    point_to(root, monkeypatch)
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(tmp_path / "rattler-cache"))
    (paths.STANDIN / "noarch").mkdir(parents=True)
    asyncio.run(index_fs(paths.STANDIN, write_zst=False, write_shards=False))
    monkeypatch.setattr(standin, "ensure", lambda *_: None)
    return Checkout(root)
