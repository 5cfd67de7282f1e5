"""Which implementation serves a call: asked for, or the first that can, and what is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from gfx_kernels import choice, runtime, targets, w4a16_linear
from gfx_kernels.w4a16_linear import cases, implementations, tuning

from tests import mock_hip


def _arguments(m: int = 2, dtype: torch.dtype = torch.float16, k: int = 64) -> dict[str, Any]:
    case = cases.Case(m, k, 16, 32, dtype)
    packed = cases.packed_weight(case)
    return {
        "x": torch.ones(m, k, dtype=dtype),
        "qweight": packed.qweight,
        "scales": packed.scales,
        "group_size": 32,
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The implementations that `choice.pick` returned for w4a16_linear."""
    seen: list[str] = []
    pick = choice.pick

    def watched(op: str, *args: Any, **kwargs: Any) -> choice.Implementation:
        chosen = pick(op, *args, **kwargs)
        if op == "w4a16_linear":
            seen.append(chosen.name)
        return chosen

    monkeypatch.setattr(choice, "pick", watched)
    return seen


def test_the_cpu_has_the_reference(asked: list[str]) -> None:
    w4a16_linear.w4a16_linear(**_arguments())
    assert asked == ["reference"]


def test_the_argument_and_the_variable_ask(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    w4a16_linear.w4a16_linear(**_arguments(), implementation="dequantise")
    monkeypatch.setenv("GFX_KERNELS_IMPLEMENTATION", "w4a16_linear=dequantise")
    w4a16_linear.w4a16_linear(**_arguments())
    w4a16_linear.w4a16_linear(**_arguments(), implementation="reference")
    assert asked == ["dequantise", "dequantise", "reference"]


def test_a_kernel_that_cannot_serve_is_not_replaced() -> None:
    for change, reason in (
        ({}, "cpu|CPU"),
        ({"m": 9}, "more than 8 rows"),
        ({"dtype": torch.float32}, "torch.float32 activations"),
        ({"k": 32800}, "32800 inputs in 1025 groups, not at most 32768"),
    ):
        with pytest.raises(ValueError, match=f"gemv was asked for and cannot .*({reason})"):
            w4a16_linear.w4a16_linear(**_arguments(**change), implementation="gemv")


def test_a_group_within_a_tile_is_not_the_kernels() -> None:
    case = cases.Case(1, 64, 16, 16, torch.float16)
    packed = cases.packed_weight(case)
    x = torch.ones(1, 64, dtype=torch.float16)
    with pytest.raises(ValueError, match="64 inputs in 4 groups"):
        w4a16_linear.w4a16_linear(
            x, packed.qweight, packed.scales, group_size=16, implementation="gemv"
        )


def test_a_view_that_is_not_aligned_is_not_the_kernels() -> None:
    arguments = _arguments()
    storage = torch.ones(2 * 64 + 1, dtype=torch.float16)
    arguments["x"] = storage[1:].view(2, 64)
    with pytest.raises(ValueError, match="does not start at a multiple of 16 bytes"):
        w4a16_linear.w4a16_linear(**arguments, implementation="gemv")


class _Card:
    """A GPU as far as the choice looks: its name, and CPU tensors for it."""

    SUFFIX = ".hsaco"

    def __init__(self, gfx: str) -> None:
        self.gfx = gfx

    def arch(self, device: int) -> str:
        return self.gfx

    def current_device(self) -> int:
        return 0


WITHOUT_TRITON = [
    name
    for name, target in targets.all_targets().items()
    if name != targets.REFERENCE and target.matrix_op not in implementations.MATRIX_OPS
]


@pytest.mark.parametrize("target", WITHOUT_TRITON)
def test_where_triton_has_no_product_launches_take_its_first_rows(target: str) -> None:
    """What else there is, a copy of the whole weight, pays for a few rows only with a product that
    reads it from a cache: a target's file has to say from how many on.
    """
    assert tuning.of(target)["rows"] > implementations.MAX_ROWS


def test_another_targets_code_is_not_loaded(tmp_path: Path) -> None:
    """Neither asked for nor automatically: the one raises, the other takes what can serve."""
    built, present = "gfx1100", "gfx1201"
    (tmp_path / built).mkdir()
    (tmp_path / built / "w4a16_linear.hsaco").touch()
    card: Any = _Card(present)
    with runtime.use(runtime.Driver(card, card, tmp_path)):
        missing = f"w4a16_linear has no code object for {present} .*{built}"
        with pytest.raises(ValueError, match=f"gemv was asked for .*{missing}"):
            w4a16_linear.w4a16_linear(**_arguments(), implementation="gemv")
        a = _arguments()
        tensors = (a["x"], a["qweight"], a["scales"], None)
        chosen = choice.pick(implementations.OP, implementations.ON_GPU, *tensors)
        assert chosen is implementations.DEQUANTISE
    card.gfx = built
    with runtime.use(runtime.Driver(card, card, tmp_path)):
        chosen = choice.pick(implementations.OP, implementations.ON_GPU, *tensors)
        assert chosen is implementations.GEMV


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("m", [1, 3, 8])
def test_the_kernel_is_one_launch(m: int, ordered: bool) -> None:
    arguments = _arguments(m)
    if ordered:
        arguments["order"] = torch.randperm(64)
    with mock_hip.device("gfx1100", run=lambda launch: None) as gpu:
        out = w4a16_linear.w4a16_linear(**arguments, implementation="gemv")
    (launch,) = gpu.launches
    assert launch.kernel.startswith("w4a16_linear_")
    assert out.data_ptr() in launch.arguments() and arguments["qweight"].data_ptr() in (
        launch.arguments()
    )
    assert (arguments["x"].data_ptr() in launch.arguments()) is not ordered


@pytest.mark.parametrize(("m", "launches"), [(9, 2), (16, 2), (24, 3)])
def test_more_rows_are_several_launches(m: int, launches: int) -> None:
    with mock_hip.device("gfx906", run=lambda launch: None) as gpu:
        w4a16_linear.w4a16_linear(**_arguments(m), implementation="gemv")
        with pytest.raises(ValueError, match="more than 24 rows"):
            w4a16_linear.w4a16_linear(**_arguments(25), implementation="gemv")
    assert len(gpu.launches) == launches


def test_many_rows_pass_the_kernel_over_once() -> None:
    x = _arguments(m=9)
    tensors = (x["x"], x["qweight"], x["scales"], None)
    for _ in range(2):
        chosen = choice.pick(implementations.OP, implementations.ON_GPU, *tensors)
        assert chosen is implementations.DEQUANTISE
    assert choice.record().count(("w4a16_linear", "gemv", "more than 8 rows")) == 1


def test_targets_without_code_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Until a kernel is compiled for a target, nobody may be told that there is one."""
    monkeypatch.setenv("GFX_KERNELS_CODE", str(tmp_path))
    assert w4a16_linear.why_not_on(targets.REFERENCE) is None
    gfx = [name for name in targets.all_targets() if name != targets.REFERENCE]
    for name in gfx:
        reason = w4a16_linear.why_not_on(name)
        assert reason is not None and f"w4a16_linear has no code object for {name}" in reason
    built = tmp_path / gfx[0] / "w4a16_linear.hsaco"
    built.parent.mkdir()
    built.touch()
    assert w4a16_linear.why_not_on(gfx[0]) is None
    assert w4a16_linear.why_not_on(gfx[1]) is not None
