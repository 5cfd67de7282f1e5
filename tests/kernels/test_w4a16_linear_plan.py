"""What w4a16_linear is launched with: plans fit the device and agree with the kernel's source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from gfx_kernels import shapes
from gfx_kernels.w4a16_linear import many, plan, tuning
from gfx_kernels.w4a16_linear.staging import Shape

FILES = sorted(tuning.FOLDER.glob("*.yaml"))
ROWS = range(1, 9)
SOURCES = Path(__file__).parents[2] / "kernels" / "src" / "gfx_kernels"
MANY_ROWS = (9, 16, 17, 32)


def _fields(struct: str = "Plan", file: str = "mma.h") -> list[str]:
    """After the pointers: m, n, k, then the fields of the struct."""
    text = (SOURCES / "w4a16_linear" / file).read_text("utf-8")
    body = re.sub(r"//.*", "", text.split(f"struct {struct} {{")[1].split("};")[0])
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


@pytest.mark.parametrize("layer", shapes.w4_linears(), ids=lambda at: at.name)
@pytest.mark.parametrize("m", MANY_ROWS)
def test_every_layer_has_a_plan_for_many_rows(m: int, layer: shapes.Linear) -> None:
    groups = layer.k // layer.group_size
    made = plan.plan("sm_90", torch.float16, m, layer.n, layer.k, groups, layer.zeros)
    _check_many(made, m, layer.n, layer.k, groups, layer.zeros)


def _check_many(made: plan.Plan, m: int, n: int, k: int, groups: int, zeros: bool) -> None:
    """As the comments in mma_many.h say."""
    p = dict(zip(_fields("Many", "mma_many.h"), made.numbers, strict=True))
    assert (p["m"], p["n"], p["k"], p["groups"], p["tiles"]) == (m, n, k, groups, k // 32)
    assert (p["stages"] - 1) * p["parts"] * 4 < p["tiles"] <= p["stages"] * p["parts"] * 4
    rows, together = (int(word) for word in re.findall(r"_m(\d+)_by(\d+)", made.kernel.name)[0])
    assert m <= rows and made.blocks % together == 0 and p["depth"] * 8 <= 128
    outputs = made.blocks // together * p["across"] * 2 * 16
    assert outputs - p["across"] * 2 * 16 < n <= outputs
    assert made.threads == p["across"] * p["parts"] * 32 <= 512
    points = (p["spans"] * 8 + 31) // 16 * 16 if zeros else 0
    of_tile = p["parts"] * 1024 + p["spans"] * 32 + points
    stage = rows * (p["parts"] * 256 + 64) + p["across"] * 2 * of_tile
    sums = p["across"] * p["parts"] * 2 * rows * 16 * 4
    assert p["depth"] >= 1 and p["across"] >= 1 and p["parts"] >= 1
    assert made.shared == 128 + max(p["depth"] * stage, sums) <= tuning.of("sm_90")["shared_bytes"]
    _check_groups({**p, "step": p["parts"]}, k // groups)


@pytest.mark.parametrize("choice", [(8, 2, 6, 1), (1, 16, 6, 4), (16, 1, 1, 4), (1, 1, 2, 1)])
@pytest.mark.parametrize(("k", "groups"), [(32, 1), (96, 3), (960, 6), (32768, 1024), (32768, 1)])
def test_many_rows_of_any_length(k: int, groups: int, choice: tuple[int, ...]) -> None:
    made = plan.many_rows("sm_90", "bf16", Shape(32, 72, k, groups, True), tuning.Many(*choice))
    _check_many(made, 32, 72, k, groups, True)


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
    more = plan.plan("sm_90", torch.float16, 9, 512, 4096, groups, zeros)
    of_more = name.replace("tile", "any")
    assert more.kernel.name.startswith(f"w4a16_linear_many_f16_{of_more}_m16_by")
    assert made.kernel.overlap and more.kernel.overlap


@pytest.mark.parametrize(("m", "of"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (8, 8)])
def test_an_unknown_device_gets_the_kernel_that_runs_everywhere(m: int, of: int) -> None:
    made = plan.plan("a device of next year", torch.bfloat16, m, 40, 64, 2, True)
    assert made.kernel.name == f"w4a16_linear_dot_bf16_m{of}_zeros"
    assert (made.blocks, made.threads, made.shared) == (3, 256, 0)
    assert made.numbers == (m, 40, 64, 2, 1 << 20)


def test_shared_memory_that_is_too_small_says_so() -> None:
    def given(most: int) -> many.Numbers:
        choice = tuning.Many(8, 2, 6, 1)
        return many.numbers(32, Shape(32, 512, 4096, 32, True), choice, most)

    for most in (1 << 18, 50_000, 20_000):
        assert given(most).shared <= most + many.BARRIERS
    with pytest.raises(ValueError, match="32 rows do not fit in 9000 bytes"):
        given(9000)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_file_of_plans_is_whole(file: Path) -> None:
    data = tuning.of(file.stem)
    assert data["kernel"] in ("dot", "mma")
    if data["kernel"] == "dot":
        return
    assert max(data["default"]) == plan.at_once(file.stem)
    for by_rows in (data["default"], *data["shapes"].values()):
        assert 8 in by_rows and max(by_rows) in (8, plan.at_once(file.stem))
        few = [choice for rows, choice in by_rows.items() if rows <= 8]
        more = [choice for rows, choice in by_rows.items() if rows > 8]
        assert all(len(choice) == 5 and min(choice[:4]) >= 1 for choice in few)
        assert all(choice[4] in (0, 1) and choice[0] <= 16 for choice in few)
        assert all(len(choice) == 4 and min(choice) >= 1 for choice in more)
        assert all(choice[0] * choice[1] <= 16 and choice[3] in (1, 4) for choice in more)
    assert {f"{at.k}x{at.n}" for at in shapes.w4_linears()} == set(data["shapes"])


def test_a_shape_that_was_not_measured_gets_the_default() -> None:
    default = tuning.of("sm_90")["default"]
    assert tuning.choice("sm_90", 3, 123, 4567) == tuning.Choice(*default[8])
    assert tuning.choice("sm_90", 1, 3584, 18944) != tuning.Choice(*default[1])
