"""The reader on a library with Windows' functions: rows, sizes, errors. Wine runs it as well."""

from __future__ import annotations

import os

import pytest
from vllm_gfx.vram import pdh
from vllm_gfx.vram.counters import CannotRead, Windows
from vllm_gfx.vram.usage import COUNTERS, Usage

from tests.vram import fake_pdh
from tests.vram.fake_pdh import Pdh

LUID, OTHER = "luid_0x00000000_0x0000F2A1", "luid_0x00000000_0x00010C07"
BIG = 19 * 2**30 + 1  # does not fit in 32 bits


@pytest.fixture
def windows() -> Pdh:
    """A library that has the counters, and no process in them."""
    found = Pdh(fake_pdh.build())
    for name in COUNTERS.values():
        found.row(name, None)
    return found


def _use(windows: Pdh, instance: str, shared: int, dedicated: int, status: int = 0) -> None:
    for name, value in (("Shared Usage", shared), ("Dedicated Usage", dedicated)):
        windows.row(name, instance, value, status)


def test_rows_of_one_process_by_adapter(windows: Pdh) -> None:
    _use(windows, f"pid_12_{LUID}_phys_0", 5, BIG)
    _use(windows, f"pid_12_{LUID}_phys_1", 7, 0)
    _use(windows, f"pid_12_{OTHER}_phys_0", 9, 1)
    _use(windows, f"pid_123_{LUID}_phys_0", 1000, 1000)
    windows.row("Total Committed", f"pid_12_{LUID}_phys_0", BIG + 12)
    found = Windows(12, windows.library).read()
    assert found == {LUID.lower(): Usage(12, BIG, BIG + 12), OTHER.lower(): Usage(9, 1)}
    assert set(Windows(12, windows.library).everyone()) == {12, 123}


def test_it_is_this_process_by_itself(windows: Pdh) -> None:
    _use(windows, f"pid_{os.getpid()}_{LUID}_phys_0", 1, 2)
    assert Windows(library=windows.library).read() == {LUID.lower(): Usage(1, 2)}


def test_a_reading_is_of_now(windows: Pdh) -> None:
    counters = Windows(12, windows.library)
    assert counters.read() == {}
    _use(windows, f"pid_12_{LUID}_phys_0", 1, 2)
    assert counters.read() == {LUID.lower(): Usage(1, 2)}
    _use(windows, f"pid_12_{LUID}_phys_1", 10, 20)
    assert counters.read() == {LUID.lower(): Usage(11, 22)}


def test_new_data_is_valid(windows: Pdh) -> None:
    _use(windows, f"pid_12_{LUID}_phys_0", 1, 2, status=1)
    assert Windows(12, windows.library).read() == {LUID.lower(): Usage(1, 2)}


@pytest.mark.parametrize("counter", ["Shared Usage", "Dedicated Usage"])
@pytest.mark.parametrize("absent", [False, True])
def test_a_process_that_windows_tells_a_part_of(windows: Pdh, counter: str, absent: bool) -> None:
    """Nothing counts as 0 that is not known to be: half of a process would be a spill's end."""
    instance = f"pid_12_{LUID}_phys_1"
    _use(windows, f"pid_12_{LUID}_phys_0", 1, 2)
    _use(windows, f"pid_13_{LUID}_phys_0", 3, 4)
    for name in ("Shared Usage", "Dedicated Usage"):
        if name != counter:
            windows.row(name, instance, 20)
        elif not absent:
            windows.row(name, instance, 10, 0xC0000BBA)
    counters = Windows(12, windows.library)
    with pytest.raises(CannotRead, match="only a part of this process's GPU memory"):
        counters.read()
    assert counters.everyone() == {13: {LUID.lower(): Usage(3, 4)}}


def test_what_nothing_is_judged_by_may_be_invalid(windows: Pdh) -> None:
    _use(windows, f"pid_12_{LUID}_phys_0", 1, 2)
    windows.row("Total Committed", f"pid_12_{LUID}_phys_0", 3, 0xC0000BBA)
    assert Windows(12, windows.library).read() == {LUID.lower(): Usage(1, 2)}


def test_a_query_is_given_back_once(windows: Pdh) -> None:
    counters = Windows(12, windows.library)
    assert windows.open_queries() == 1
    counters.close()
    counters.close()
    assert windows.open_queries() == 0
    with pytest.raises(CannotRead, match="collect"):
        counters.read()


def test_names_of_another_form_do_not_count(windows: Pdh) -> None:
    for name in ("_Total", "pid_12", f"pid_12_{LUID}", f"xpid_12_{LUID}_phys_0"):
        _use(windows, name, 1, 1)
    assert Windows(12, windows.library).everyone() == {}


def test_no_process_on_any_gpu(windows: Pdh) -> None:
    windows.clear(collect=fake_pdh.NO_DATA)
    for name in COUNTERS.values():
        windows.row(name, None)
    assert Windows(12, windows.library).read() == {}


def test_counters_that_are_absent(windows: Pdh) -> None:
    windows.clear()
    with pytest.raises(CannotRead) as raised:
        Windows(12, windows.library)
    assert str(raised.value) == (
        r"\GPU Process Memory(*)\Shared Usage: Windows has no such counters here (0xC0000BB8)"
    )
    assert windows.open_queries() == 0, "the query is left behind"


def test_one_that_is_absent(windows: Pdh) -> None:
    windows.clear()
    windows.row("Shared Usage", None)
    with pytest.raises(CannotRead, match="Dedicated Usage"):
        Windows(12, windows.library)


def test_an_error_while_reading(windows: Pdh) -> None:
    windows.clear(collect=0xC0000BC6)
    for name in COUNTERS.values():
        windows.row(name, None)
    with pytest.raises(CannotRead, match=r"collect: error \(0xC0000BC6\)"):
        Windows(12, windows.library).read()


def test_no_library() -> None:
    with pytest.raises(CannotRead, match=r"nowhere\.dll cannot be used: "):
        pdh.load("nowhere.dll")
