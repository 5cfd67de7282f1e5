"""What is timed of each op, and the bytes that it is charged."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from gfx_bench import subjects
from gfx_bench.contestants import OURS
from gfx_bench.errors import BenchError
from gfx_bench.subjects import skinny_linear, w4a16_linear, writing
from gfx_kernels.skinny_linear.cases import Case as SkinnyCase
from gfx_kernels.w4a16_linear.cases import Case

TIMED = [op for op in subjects.ops() if op not in ("weak_ref_tensor", "paged_attention")]


def test_ops_are_the_folders() -> None:
    assert {"w4a16_linear", "skinny_linear", "rms_norm"} <= set(subjects.ops())


@pytest.mark.parametrize("op", TIMED)
def test_every_op_has_cases_peers_and_something_to_time(op: str) -> None:
    for case in subjects.cases(op):
        assert subjects.rows(case) >= 1 and case.name
    assert isinstance(subjects.peers(op), list) and callable(subjects.subject(op))


@pytest.mark.parametrize("op", ["nothing", "weak_ref_tensor"])
def test_an_op_without_cases_is_refused(op: str) -> None:
    with pytest.raises(BenchError, match=op):
        subjects.cases(op)


def test_bytes_of_a_4bit_layer() -> None:
    symmetric = Case(1, 4096, 4096, 128)
    assert w4a16_linear.traffic(symmetric) == 8388608 + 262144 + 2 * 8192
    asymmetric = Case(4, 4096, 4096, 128, zeros=True)
    assert w4a16_linear.traffic(asymmetric) == 8388608 + 262144 + 65536 + 4 * 2 * 8192
    assert w4a16_linear.traffic(Case(1, 64, 32, -1)) == 1024 + 64 + 192


def test_bytes_of_a_16bit_layer() -> None:
    assert skinny_linear.traffic(SkinnyCase(2, 64, 32)) == 2 * (64 * 32 + 2 * (64 + 32))


@pytest.mark.parametrize("zeros", [False, True])
def test_ours_and_a_peer_compute_the_same_weight(
    zeros: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(w4a16_linear, "IMPLEMENTATION", "reference")
    monkeypatch.setattr(w4a16_linear, "_launcher", lambda *_: lambda: None)
    case = Case(3, 256, 64, 64, torch.float16, zeros=zeros)
    round_ = w4a16_linear.bench(case, ["torch_fp16"], None, "cpu")
    for (contestant,) in round_.contestants:
        assert contestant.error() <= contestant.allowed
        assert contestant.fresh()().shape == (3, 64)
    assert [c[0].name for c in round_.contestants] == [OURS, "torch_fp16"]
    ours, peer = (c[0].rotated_bytes for c in round_.contestants)
    assert ours == w4a16_linear.traffic(case) - 2 * 3 * (256 + 64) and peer == 2 * 256 * 64


def test_numbers_are_the_same_in_both_16_bit_dtypes() -> None:
    weight = w4a16_linear.random_weight(Case(2, 256, 64, 64, zeros=True), "cpu")
    for tensor in (weight.x, weight.scales):
        assert (tensor.to(torch.bfloat16).float() - tensor.float()).abs().max() < 1e-6


def test_copies_are_of_the_weight_not_of_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(w4a16_linear, "_launcher", lambda *_: lambda: None)
    case = Case(1, 256, 64, 64, torch.float16)
    weight = w4a16_linear.random_weight(case, "cpu")
    ours: Any = w4a16_linear.ours(case, weight)
    first, second = ours.fresh(), ours.fresh()
    assert first.args[0].data_ptr() == second.args[0].data_ptr()
    assert first.args[1].data_ptr() != second.args[1].data_ptr()


def test_16_bit_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skinny_linear, "IMPLEMENTATION", "reference")
    monkeypatch.setattr(skinny_linear, "_launcher", lambda *_: lambda: None)
    round_ = skinny_linear.bench(SkinnyCase(2, 64, 32), ["torch"], None, "cpu")
    assert [c[0].name for c in round_.contestants] == [OURS, "torch"]
    for (contestant,) in round_.contestants:
        assert contestant.error() <= contestant.allowed


WRITING = [op for op in TIMED if op not in ("w4a16_linear", "skinny_linear")]


@pytest.mark.parametrize("op", WRITING)
def test_ops_that_write(op: str) -> None:
    traffic = importlib.import_module(f"gfx_kernels.{op}.cases").traffic
    case = min(subjects.cases(op), key=traffic)
    peers = [name for name in subjects.peers(op) if name != "torch_compile"]
    round_ = subjects.subject(op)(case, peers, Path(), "cpu")
    assert [c[0].name for c in round_.contestants] == [OURS, *peers]
    for (contestant,) in round_.contestants:
        assert contestant.error() <= contestant.allowed, contestant.name
        assert contestant.rotated_bytes > 0
    assert round_.shape["m"] == subjects.rows(case)


@pytest.mark.parametrize("number", [0.0, float("nan")])
def test_a_wrong_result_of_a_writing_op_is_seen(
    number: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgets(out: torch.Tensor, **_: Any) -> None:
        out.fill_(number)

    monkeypatch.setitem(writing.EXTRA, "rms_norm", {"wrong": forgets})
    case = subjects.cases("rms_norm")[0]
    round_ = writing.bench("rms_norm", case, ["wrong"], None, "cpu")
    wrong = round_.contestants[1][0]
    assert wrong.error() > wrong.allowed
