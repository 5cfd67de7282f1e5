"""What the tuners of w4a16_linear do apart from timing: the plans they try, the file they write."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from gfx_bench import tune
from gfx_kernels.w4a16_linear import cases, tuning

ARCH = "sm_90"
CASE = cases.Case(1, 5120, 13824, 128, torch.float16, True)


def test_the_file_that_is_kept_is_as_it_is_written(tmp_path: Path) -> None:
    tune.write(tmp_path / "new.yaml", ARCH, tuning.of(ARCH)["shapes"])
    assert (tmp_path / "new.yaml").read_text("utf-8") == tune.file(ARCH).read_text("utf-8")


def test_only_shapes_are_replaced(tmp_path: Path) -> None:
    tune.write(tmp_path / "new.yaml", ARCH, {"128x16": {1: [4, 1, 64, 1, 0]}})
    head, _, shapes = (tmp_path / "new.yaml").read_text("utf-8").partition("shapes:\n")
    assert shapes == "  128x16:\n    1: [4, 1, 64, 1, 0]\n"
    assert head.startswith("#") and tune.file(ARCH).read_text("utf-8").startswith(head)


def test_only_the_rows_that_were_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, before = tmp_path / "new.yaml", tune.file(ARCH).read_text("utf-8")
    monkeypatch.setattr(tune, "Gpu", object)
    monkeypatch.setattr(tune, "current_arch", lambda: ARCH)
    monkeypatch.setattr(tune, "weights", lambda case, count: [])
    monkeypatch.setattr(tune, "_best", lambda *asked: ([9, 9, 9, 9, 1], 1.0))
    monkeypatch.setattr("sys.argv", ["tune", "--rows", "2", "--out", str(out)])
    tune.main()
    shapes = yaml.safe_load(out.read_text("utf-8"))["shapes"]
    tuned = {f"{case.k}x{case.n}" for case in cases.BENCH}
    for shape, rows in tuning.of(ARCH)["shapes"].items():
        assert shapes[shape] == {**rows, **({2: [9, 9, 9, 9, 1]} if shape in tuned else {})}
    assert f"{len(tuned)} of {len(tuned)}: " in capsys.readouterr().out
    assert yaml.safe_load(before)["shapes"] == tuning.of(ARCH)["shapes"], "a cache, unchanged"


def test_shapes_that_are_new_have_what_was_tuned(tmp_path: Path) -> None:
    data = tune.of_device(ARCH)
    for shape in ("128x16", "128x32"):
        tune.rows_of(shape, data)[1] = [9, 9, 9, 9, 1]
    tune.write(tmp_path / "new.yaml", ARCH, data["shapes"])
    text = (tmp_path / "new.yaml").read_text("utf-8")
    assert "&" not in text and "*" not in text, "yaml would point from one shape to the other"
    new = yaml.safe_load(text)["shapes"]
    assert new["128x16"] == new["128x32"] == {1: [9, 9, 9, 9, 1]}
    assert tune.of_device(ARCH)["shapes"].keys() == tuning.of(ARCH)["shapes"].keys()


def test_a_device_without_plans_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"gfx1100 has no plans.*gfx1100\.yaml is not there"):
        tune.of_device("gfx1100")
    monkeypatch.setattr(tuning, "FOLDER", tmp_path)
    (tmp_path / "sm_1.yaml").write_text("kernel: dot\n")
    with pytest.raises(SystemExit, match=r"sm_1 has no plans.*sm_1\.yaml has no `default`"):
        tune.of_device("sm_1")


PLANS = "default:\n  1: [8, 2, 2, 3, 1]\n"


@pytest.mark.parametrize(
    "rest", ["", "shapes: {}\n", "shapes:  # none yet\n", "shapes:\n  1x1: {}\nrows: 1\n"]
)
def test_a_file_that_could_not_be_written_again(
    rest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "FOLDER", tmp_path)
    (tmp_path / "sm_1.yaml").write_text(PLANS + rest)
    with pytest.raises(SystemExit, match=r"sm_1\.yaml has to end with a line `shapes:`"):
        tune.of_device("sm_1")


def test_a_file_without_shapes_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "FOLDER", tmp_path)
    (tmp_path / "sm_1.yaml").write_text(f"{PLANS}shapes:\n")
    data = tune.of_device("sm_1")
    tune.rows_of("128x16", data)[2] = [9, 9, 9, 9, 1]
    tune.write(tmp_path / "sm_1.yaml", "sm_1", data["shapes"])
    written = yaml.safe_load((tmp_path / "sm_1.yaml").read_text("utf-8"))
    assert written["shapes"] == {"128x16": {2: [9, 9, 9, 9, 1]}}


def test_plans_differ_and_fit() -> None:
    tried = list(tune.plans(ARCH, CASE, 1))
    launches = [(todo.blocks, todo.threads, todo.shared, todo.numbers) for _, todo in tried]
    assert len(set(launches)) == len(launches) > 20
    data = tuning.of(ARCH)
    for (waves, _, _, per, _), todo in tried:
        assert todo.shared <= data["shared_bytes"]
        assert per == 1 or per * waves <= tune.WAVES_OF_A_PROCESSOR
        each = todo.shared + data["reserved_bytes"]
        assert per == 1 or per * each <= data["shared_bytes"] + data["reserved_bytes"]


@pytest.mark.parametrize("m", [9, 32])
def test_plans_for_many_rows_differ_and_fit(m: int) -> None:
    tried = list(tune.plans(ARCH, CASE, m))
    launches = {(todo.kernel.name, todo.blocks, todo.shared, todo.numbers) for _, todo in tried}
    assert len(launches) == len(tried) > 20
    for choice, todo in tried:
        assert len(choice) == len(tune.MANY) and todo.numbers[0] == m
        assert todo.threads <= 32 * tune.WAVES_OF_A_BLOCK
        assert todo.shared <= tuning.of(ARCH)["shared_bytes"]
    assert {choice[-1] for choice, _ in tried} == set(tune.MANY[-1])


def test_blocks_are_alone_where_that_makes_a_difference() -> None:
    shared = {tuple(choice): todo.shared for choice, todo in tune.plans(ARCH, CASE, 1)}
    alone = [choice for choice in shared if choice[-1]]
    assert 0 < len(alone) < len(shared) / 2
    assert all(shared[choice] > shared[(*choice[:-1], 0)] for choice in alone)


def test_a_wrong_plan_ends_it() -> None:
    right = torch.tensor([1.0, -2.0])
    tune.check([4, 1, 64, 1, 0], right + 1e-3, right, 1e-2)
    for wrong in (right + 0.1, torch.full((2,), float("nan"))):
        with pytest.raises(SystemExit, match="computes something else"):
            tune.check([4, 1, 64, 1, 0], wrong, right, 1e-2)
