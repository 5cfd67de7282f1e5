"""The objects of this checkout are the recorded ones, and so is the table of what they use."""

from __future__ import annotations

from pathlib import Path

import pytest
from gfx_compile import golden, paths, table
from gfx_compile.build import amd_targets, build

from tests.compile.conftest import GFX, Tree

NAMES = amd_targets()


@pytest.fixture(scope="module")
def built() -> Path:
    """build/kernels, of the sources as they are now."""
    build(NAMES, paths.OUT)
    return paths.OUT


def test_every_target_is_recorded() -> None:
    assert sorted(golden.read()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_object_is_the_recorded_one(built: Path, name: str) -> None:
    found = golden.of(built, [name])[name]
    assert found and found == golden.read().get(name), "run: python dev.py kernels golden"


def test_the_table_is_generated(built: Path) -> None:
    text = paths.TABLE.read_text("utf-8")
    assert text == table.text(built, NAMES), "run: python dev.py tables"


def test_a_changed_object_is_seen(tree: Tree) -> None:
    tree.build()
    before = golden.of(tree.out, [GFX])
    tree.edit(tree.source, "63 - i", "62 - i")
    tree.build()
    assert golden.of(tree.out, [GFX]) != before


def test_targets_that_use_the_same_share_a_line(tree: Tree) -> None:
    names = ["gfx1100", "gfx1101", "gfx906"]
    tree.build(*names)
    lines = [line for line in table.text(tree.out, names).splitlines() if "toy_copy" in line]
    assert len(lines) == 2 and "| gfx1100 gfx1101 |" in lines[0] and "| gfx906 |" in lines[1]
    assert "(32) |" in lines[0] and "1 x `global_load_(b128\\|dwordx4) `" in lines[0]
