"""A kernel that spills, outgrows its budget or lost an instruction does not build."""

from __future__ import annotations

import json

import pytest
from gfx_compile.errors import CompileError

from tests.compile.conftest import GFX, Tree

# 64 values of one work-item are live at once, in the 32 registers that it is given.
SPILLS = """\
extern "C" __attribute__((global, amdgpu_flat_work_group_size(64, 64), amdgpu_num_vgpr(32))) void
toy_spill(const float* from, float* to) {
  int i = __builtin_amdgcn_workitem_id_x();
  float kept[64];
#pragma unroll
  for (int j = 0; j < 64; j++) kept[j] = from[i + j * j];
  __builtin_amdgcn_s_barrier();
  float sum = 0;
#pragma unroll
  for (int j = 0; j < 64; j++) sum = sum * kept[j] + kept[63 - j];
  to[i] = sum;
}
"""
SCRATCH = """\
extern "C" __attribute__((global, amdgpu_flat_work_group_size(64, 64))) void
toy_scratch(const int* from, int* to) {
  int i = __builtin_amdgcn_workitem_id_x(), kept[64];
  for (int j = 0; j < 64; j++) kept[from[j] & 63] = from[i + j];
  to[i] = kept[from[i] & 63];
}
"""


def _refused(tree: Tree, words: str) -> None:
    with pytest.raises(CompileError, match=words) as error:
        tree.build()
    assert len(str(error.value).splitlines()) == 1
    assert not tree.object().exists()


def test_within_the_budget(tree: Tree) -> None:
    tree.build()
    found = json.loads(tree.object().with_suffix(".json").read_text())["kernels"]["toy_copy"]
    assert 0 < found["vgprs"] <= 32 and found["lds"] == 256 and found["occupancy"] == 16
    assert (found["vgpr_spills"], found["sgpr_spills"], found["scratch"]) == (0, 0, 0)
    assert found["wanted"] == {"global_load_(b128|dwordx4) ": 1}
    assert found["budget"] == {"vgprs": 32, "lds": 256}


def test_a_spill(tree: Tree) -> None:
    tree.source.write_text(SPILLS)
    tree.edit(tree.budget, "default: 32", "default: 256")
    _refused(tree, rf"toy for {GFX}: toy_spill spills \d+ VGPRs")


def test_scratch_memory(tree: Tree) -> None:
    tree.source.write_text(SCRATCH)
    _refused(tree, rf"toy for {GFX}: toy_scratch uses \d+ bytes of scratch memory")


def test_too_many_vgprs(tree: Tree) -> None:
    tree.edit(tree.budget, "default: 32", "default: 32, gfx1100: 1")
    _refused(tree, rf"toy for {GFX}: toy_copy uses \d+ VGPRs, its budget is 1; use less")


def test_too_much_lds(tree: Tree) -> None:
    tree.edit(tree.budget, "default: 256", "default: 255")
    _refused(tree, rf"toy for {GFX}: toy_copy uses 256 bytes of LDS, its budget is 255")


def test_a_lost_instruction(tree: Tree) -> None:
    tree.edit(tree.budget, "dwordx4) ", "dwordx4) .*off offset:4096")
    _refused(tree, f"toy for {GFX}: toy_copy holds no instruction .* which its budget.yaml wants")


def test_an_instruction_is_searched_in_each_kernel(tree: Tree) -> None:
    """One kernel's loads do not stand for another's."""
    text = tree.source.read_text()
    other = text[text.index("extern") :].replace("toy_copy", "toy_other").replace("u32x4", "u32")
    tree.source.write_text(text + other.replace("[i].x", "[i]"))
    _refused(tree, "toy_other holds no instruction")


def test_another_targets_budget_is_not_this_ones(tree: Tree) -> None:
    tree.edit(tree.budget, "default: 256, gfx906: 512", "default: 0, gfx906: 512, gfx1100: 256")
    tree.build(GFX, "gfx906")
    with pytest.raises(CompileError, match=r"toy for gfx1030: .* its budget is 0"):
        tree.build("gfx1030")


def test_a_kernel_with_no_budget(tree: Tree) -> None:
    tree.edit(tree.budget, "toy_*:", "joy_*:")
    _refused(tree, "toy_copy fits no pattern of toy/budget.yaml")


def test_a_budget_with_no_kernel(tree: Tree) -> None:
    row = tree.budget.read_text().partition("\n")[2].replace("toy_*", "joy_*")
    tree.budget.write_text(tree.budget.read_text() + row)
    _refused(tree, r"toy/budget.yaml: no kernel is called joy_\*")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("vgprs:", "vgpr:", "wanted are the keys vgprs, lds, wanted"),
        ("vgprs: {default: 32}", "vgprs: 32", "vgprs has no default"),
        ("default: 256, ", "", "lds has no default"),
        ("gfx906", "gfx905", "lds names the unknown target gfx905"),
        ("default: 32", "default: many", "vgprs is 'many', not of type int"),
        ("(b128", "(b128(", "is no regular expression"),
        ("kernels:", "kernel:", "kernels is empty"),
        ("kernels:", "kernels", "mapping values are not allowed"),
    ],
)
def test_a_wrong_budget_is_named(tree: Tree, old: str, new: str, words: str) -> None:
    tree.edit(tree.budget, old, new)
    with pytest.raises(CompileError, match=f"toy/budget.yaml: .*{words}"):
        tree.build()


def test_no_budget_is_named(tree: Tree) -> None:
    tree.build()
    tree.budget.unlink()
    with pytest.raises(CompileError, match=r"toy has no budget\.yaml"):
        tree.build()
