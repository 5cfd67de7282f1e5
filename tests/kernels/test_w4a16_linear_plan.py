"""What w4a16_linear is launched with: plans fit the device and agree with the kernel's source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from gfx_kernels import shapes
from gfx_kernels.w4a16_linear import plan, tuning

FILES = sorted(tuning.FOLDER.glob("*.yaml"))
ROWS = range(1, 9)
SOURCES = Path(__file__).parents[2] / "kernels" / "src" / "gfx_kernels"
MMA = (SOURCES / "w4a16_linear" / "mma.h").read_text("utf-8")


def _fields() -> list[str]:
    """After the pointers: m, n, k, then the fields of the struct Plan."""
    body = re.sub(r"//.*", "", MMA.split("struct Plan {")[1].split("};")[0])
    return ["m", "n", "k", *re.findall(r"\b(\w+)\s*[,;]", body.replace("int ", ""))]


def _shared(made: plan.Plan, p: dict[str, int], zeros: bool) -> int:
    """As the comment over `mma_linear` lays shared memory out."""
    place = p["step"] * 1024 + p["spans"] * 32 + ((p["spans"] * 8 + 31) // 16 * 16 if zeros else 0)
    barriers = -(-p["waves"] * p["depth"] * 8 // 128) * 128
    x = p["held"] * (p["chunks"] * 256 + 64)
    totals = p["chunks"] * 8 * 4 if "_chunk" in made.kernel.name else 0
    return p["waves"] * 1024 + barriers + x + totals + p["waves"] * p["depth"] * place


def _check_shared(made: plan.Plan, p: dict[str, int], zeros: bool) -> None:
    """Enough, and where it is more, then so that a processor has no block beyond its share."""
    data, needed = tuning.of("sm_90"), _shared(made, p, zeros)
    of_processor = data["shared_bytes"] + data["reserved_bytes"]

    def blocks(shared: int) -> int:
        return of_processor // (shared + data["reserved_bytes"])

    choice = tuning.choice("sm_90", p["m"], p["n"], p["k"])
    share = choice.per_processor if choice.alone else blocks(needed)
    assert needed <= made.shared <= data["shared_bytes"]
    assert blocks(made.shared) == min(share, blocks(needed))
    assert made.shared == needed or blocks(needed) > share


@pytest.mark.parametrize("layer", shapes.w4_linears(), ids=lambda at: at.name)
@pytest.mark.parametrize("m", ROWS)
def test_every_layer_has_a_plan_that_fits(m: int, layer: shapes.Linear) -> None:
    groups = layer.k // layer.group_size
    made = plan.plan("sm_90", torch.float16, m, layer.n, layer.k, groups, layer.zeros)
    p = dict(zip(_fields(), made.numbers, strict=True))
    assert (p["m"], p["n"], p["k"], p["groups"]) == (m, layer.n, layer.k, groups)
    _check_shared(made, p, layer.zeros)
    assert made.threads == p["waves"] * 32 <= 512
    assert p["waves"] * p["share"] + p["extra"] == p["chunks"] == -(-layer.k // 128)
    assert 1 <= p["held"] <= m and p["depth"] >= 1 and p["step"] >= 1
    assert 1 <= made.blocks == p["blocks"] <= -(-layer.n // 16)
    _check_groups(p, layer.group_size)


def _check_groups(p: dict[str, int], size: int) -> None:
    """A tile's group is found without division, and a step holds room for all it touches."""
    tiles = p["tiles"]
    assert [t * p["inverse"] >> 20 for t in range(tiles)] == [t * 32 // size for t in range(tiles)]
    for first in range(0, tiles, 4):
        last = min(first + p["step"] * 4, tiles) - 1
        assert last * 32 // size - first * 32 // size < p["spans"]


@pytest.mark.parametrize("size", [32, 64, 96, 160, 224, 352])
def test_groups_of_any_size(size: int) -> None:
    k = size * (32768 // size)
    made = plan.plan("sm_90", torch.float16, 1, 64, k, k // size, True)
    _check_groups(dict(zip(_fields(), made.numbers, strict=True)), size)


@pytest.mark.parametrize("groups", [1, 2, 4, 8, 256, 1024])
@pytest.mark.parametrize("zeros", [False, True])
def test_the_longest_rows_fit(groups: int, zeros: bool) -> None:
    made = plan.plan("sm_90", torch.bfloat16, 8, 64, 32768, groups, zeros)
    p = dict(zip(_fields(), made.numbers, strict=True))
    _check_shared(made, p, zeros)


@pytest.mark.parametrize(
    ("groups", "zeros", "name"),
    [(32, False, "chunk"), (1, True, "chunk_zeros"), (128, True, "tile_zeros"), (64, False, "any")],
)
def test_groups_choose_the_kernel(groups: int, zeros: bool, name: str) -> None:
    made = plan.plan("sm_90", torch.float16, 1, 512, 4096, groups, zeros)
    assert made.kernel.name == f"w4a16_linear_mma_f16_{name}"
    assert made.kernel.overlap


@pytest.mark.parametrize(("m", "of"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (8, 8)])
def test_an_unknown_device_gets_the_kernel_that_runs_everywhere(m: int, of: int) -> None:
    made = plan.plan("a device of next year", torch.bfloat16, m, 40, 64, 2, True)
    assert made.kernel.name == f"w4a16_linear_dot_bf16_m{of}_zeros"
    assert (made.blocks, made.threads, made.shared) == (3, 256, 0)
    assert made.numbers == (m, 40, 64, 2, 1 << 20)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_file_of_plans_is_whole(file: Path) -> None:
    data = tuning.of(file.stem)
    assert data["kernel"] in ("dot", "mma")
    if data["kernel"] == "dot":
        return
    for by_rows in (data["default"], *data["shapes"].values()):
        assert max(by_rows) == 8 and all(len(choice) == 5 for choice in by_rows.values())
        assert all(min(choice[:4]) >= 1 for choice in by_rows.values())
        assert all(choice[4] in (0, 1) for choice in by_rows.values())
        assert all(choice[0] <= 16 for choice in by_rows.values())
    assert {f"{at.k}x{at.n}" for at in shapes.w4_linears()} == set(data["shapes"])


def test_a_shape_that_was_not_measured_gets_the_default() -> None:
    default = tuning.of("sm_90")["default"]
    assert tuning.choice("sm_90", 3, 123, 4567) == tuning.Choice(*default[8])
    assert tuning.choice("sm_90", 1, 3584, 18944) != tuning.Choice(*default[1])
