"""A small tree of kernels of its own, compiled where a test wants it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import paths as checkout

sys.path.insert(0, str(checkout.ROOT / "kernels" / "src"))

from gfx_compile import paths

GFX = "gfx1100"
KERNEL = """\
#include "toy.h"
extern "C" __attribute__((global, amdgpu_flat_work_group_size(64, 64))) void
toy_copy(const u32x4* from, u32x4* to) {
  static __attribute__((shared)) u32 seen[64];
  int i = __builtin_amdgcn_workitem_id_x();
  seen[i] = from[i].x;
  to[i] = from[i] + seen[63 - i];
}
"""
HEADER = """\
typedef unsigned int u32;
typedef u32 u32x4 __attribute__((ext_vector_type(4)));
"""
BUDGET = """\
kernels:
  toy_*:
    vgprs: {default: 32}
    lds: {default: 256, gfx906: 512}
    wanted: {default: ["global_load_(b128|dwordx4) "]}
"""


class Tree:
    """Ops below `root`; `build` compiles them like the real ones."""

    def __init__(self, root: Path) -> None:
        self.ops, self.out = root / "gfx_kernels", root / "out"
        self.source = self.ops / "toy" / "toy.hip"
        self.header = self.ops / "include" / "toy.h"
        self.budget = self.ops / "toy" / "budget.yaml"
        for file, text in (
            (self.source, KERNEL),
            (self.header, HEADER),
            (self.budget, BUDGET),
        ):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def edit(self, file: Path, old: str, new: str) -> None:
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def build(self, *names: str) -> int:
        """How many objects had to be compiled."""
        from gfx_compile.build import build

        return build(names or (GFX,), self.out)

    def object(self, gfx: str = GFX) -> Path:
        return self.out / gfx / "toy.hsaco"


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Tree]:
    """Make a tree in a folder, and make gfx_compile take it for the sources."""

    def make(root: Path) -> Tree:
        tree = Tree(root)
        monkeypatch.setattr(paths, "OPS", tree.ops)
        monkeypatch.setattr(paths, "INCLUDE", tree.header.parent)
        return tree

    return make


@pytest.fixture
def tree(plant: Callable[[Path], Tree], tmp_path: Path) -> Tree:
    return plant(tmp_path / "first")
