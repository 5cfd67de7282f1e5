"""Free memory and disk: of a faked /proc, of psutil, of this machine."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from vllm_gfx.machine import memory


def test_a_list_of_meminfo(tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:  1024 kB\nMemFree: 1 kB\nMemAvailable: 512 kB\nHugePages: 0\n")
    assert memory.ram(file) == (2**20, 2**19)


def test_both_ways_agree(tmp_path: Path) -> None:
    by_proc, by_psutil = memory.ram(), memory.ram(tmp_path / "absent")
    assert by_proc[0] == by_psutil[0] == psutil.virtual_memory().total
    assert by_proc[1] == pytest.approx(by_psutil[1], rel=0.25)  # others allocate meanwhile


def test_a_disk_and_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    there, absent = memory.disk(tmp_path), memory.disk(tmp_path / "a" / "b")
    assert there > 0 and absent == pytest.approx(there, rel=0.25)


def test_text() -> None:
    assert memory.gib(15.25 * 2**30) == "15.2 GiB"
