"""Predictions: the arithmetic by hand, and the counts of real code."""

from __future__ import annotations

import pytest
from gfx_bench import predict
from gfx_kernels import targets

REPORT = {"vgprs": 50, "lds": 1024, "budget": {"vgprs": 96, "lds": 2048}}


def made(valu: float, lds: float) -> predict.Prediction:
    return predict.Prediction("gfx1100", 1, "k", valu, lds, REPORT, 16, 10.0, 8.0)


def test_the_bound_is_what_takes_longest() -> None:
    card = predict.cards()["gfx1100"]
    # 96 CUs x 2 x 2.5 GHz start 480 wave instructions a nanosecond; memory brings 960 bytes.
    assert made(0.25, 0).issue_share == pytest.approx(0.5)
    assert made(0.25, 0).bound == "memory" and made(0.25, 0).gb_s == card.gb_s
    assert made(1.0, 0).bound == "issue" and made(1.0, 0).gb_s == pytest.approx(card.gb_s / 2)
    assert made(0.25, 0.5).lds_share == pytest.approx(2.0) and made(0.25, 0.5).bound == "lds"


def test_lds_cycles_of_whole_waves() -> None:
    card = predict.cards()["gfx1100"]
    counts = {"ds_load_b128": 3, "ds_read2_b64": 1, "ds_store_b32": 1, "v_add_f32_e32": 9}
    assert predict.lds_cycles(counts, 32, card) == 3 * 4 + 4 + 1


def test_cards_are_emulated_targets() -> None:
    known = targets.all_targets()
    assert all("emulated" in known[gfx].tests for gfx in predict.cards())


@pytest.mark.parametrize("gfx", sorted(predict.cards()))
def test_the_shipped_code_is_counted(gfx: str) -> None:
    one, eight = (predict.predict(gfx, m) for m in (1, 8))
    # One byte holds two weights: at least a dot product of two for each row, by a lane of a wave.
    lanes = int(targets.all_targets()[gfx].wave_size)
    assert one.valu > 1 / lanes and eight.valu > 8 / lanes
    assert eight.valu > one.valu
    lines = predict.table([one, eight])
    assert lines[0].startswith("PREDICTED") and len(lines) == 5 and gfx in lines[-1]
