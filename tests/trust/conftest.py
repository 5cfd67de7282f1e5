"""Two bundles of a package that says where it lies and which version it is, and places for them."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from rattler.index import index_fs

from tests.tools.conftest import DATA, TARGET, point_to, write_files
from tools import build, bundle, paths, standin, trial
from tools.bundle import pack, wheels
from tools.errors import ToolError

HELLO = """\
      - mkdir -p "$PREFIX/bin"
      - printf '#!/bin/sh\\ncat %s/share/one.txt\\n' "$PREFIX" > "$PREFIX/bin/hello"
      - chmod +x "$PREFIX/bin/hello"
"""


@dataclass(frozen=True)
class Bundles:
    """Files: the same package, whose program says `one` and `two`."""

    one: Path
    two: Path


def write_checkout(root: Path) -> None:
    """A checkout with two recipes, of which one makes a program that holds its prefix."""
    files = {
        "recipes/gfx-target/recipe.yaml": TARGET,
        "recipes/data/recipe.yaml": DATA.replace("    env:", HELLO + "    env:"),
        "content/one.txt": "one\n",
        "pins.yaml": 'used: ["1"]\n',
        ".gitignore": "/build/\n",
    }
    write_files(root, files, ("cpu", "gfx1100", "gfx906"))


def settle(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Make the tools take `root`, with an empty stand-in, for the checkout."""
    write_checkout(root)
    point_to(root, patch)
    patch.setenv("RATTLER_CACHE_DIR", str(root / "rattler-cache"))
    patch.delenv("VLLM_GFX_TARGET", raising=False)
    patch.setattr(standin, "ensure", lambda *_: None)
    patch.setattr(build, "_prove", lambda *_: None)  # solves vllm
    patch.setattr(pack, "USED", ("data",))
    patch.setattr(wheels, "fetch", lambda *_: [])  # of the tools; tests/trust/test_dev.py has some
    patch.setattr(trial, "generates", runs)
    (paths.STANDIN / "noarch").mkdir(parents=True)
    asyncio.run(index_fs(paths.STANDIN, write_zst=False, write_shards=False))


def put_on(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """The tools work below `folder`, with a package cache of its own."""
    point_to(folder / "checkout", patch)
    patch.setenv("RATTLER_CACHE_DIR", str(folder / "rattler-cache"))


def runs(where: Path) -> None:
    """What stands in for generating text: the program starts. Raises ToolError if not."""
    done = subprocess.run([where / "bin" / "hello"], capture_output=True, text=True)
    if done.returncode:
        raise ToolError(f"hello: {done.stderr.strip()}")


def says(where: Path) -> str:
    """What the program of a prefix prints."""
    return subprocess.check_output([where / "bin" / "hello"], text=True).strip()


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    folder = tmp_path_factory.mktemp("bundles")
    found = Bundles(folder / "one.tar", folder / "two.tar")
    with pytest.MonkeyPatch.context() as patch:
        settle(folder / "checkout", patch)
        bundle.write(None, None, found.one)
        (paths.ROOT / "content" / "one.txt").write_text("two\n")
        bundle.write("cpu", None, found.two)
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout that nothing was built in; its folder of prefixes."""
    settle(tmp_path / "checkout", monkeypatch)
    return paths.BUILD / "env"
