"""Which driver, and whether it is older than the one AMD documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from vllm_gfx.machine import drivers
from vllm_gfx.machine.adapters import Adapter


def test_versions() -> None:
    assert drivers.numbers("26.10.1") > drivers.numbers("26.8.1")
    assert drivers.numbers("") == ()
    assert drivers.rocm_of("2.13.0+rocm10.0.0") == "10.0.0"
    assert drivers.rocm_of("3.8.0+git4cff872c.rocm10.0.0") == ""
    assert drivers.rocm_of("2.13.0+cu130") == ""


def test_linux_names_no_lowest_driver() -> None:
    assert drivers.documented("10.0.0") is None


@pytest.mark.parametrize(
    ("rocm", "software"),
    [("10.0.0", "26.8.1"), ("10.1.0", "26.8.1"), ("7.2.1", "26.2.2"), ("6.4", None), ("", None)],
)
def test_windows(rocm: str, software: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    found = drivers.documented(rocm)
    assert (found and found.software) == software


@pytest.mark.parametrize(
    ("software", "is_older"),
    [("26.8.1", False), ("26.8.2", False), ("26.10.1", False), ("26.6.4", True), ("", False)],
)
def test_older(software: str, is_older: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    adapter = Adapter("AMD", "Radeon", software=software)
    assert (drivers.older([adapter], "10.0.0") is not None) == is_older


def test_every_figure_has_a_source_and_the_newest_comes_first() -> None:
    assert all(row.source and drivers.numbers(row.software) for row in drivers.WINDOWS)
    assert list(drivers.WINDOWS) == sorted(drivers.WINDOWS, key=lambda r: r.rocm, reverse=True)


def test_what_linux_has_loaded(tmp_path: Path) -> None:
    sys_folder, proc = tmp_path / "sys", tmp_path / "proc"
    assert drivers.found(sys_folder, proc)["amdgpu"] == "not loaded"
    (sys_folder / "module/amdgpu").mkdir(parents=True)
    assert drivers.found(sys_folder, proc)["amdgpu"] == "the kernel's own"
    (sys_folder / "module/amdgpu/version").write_text("6.16.6\n")
    (proc / "driver/nvidia").mkdir(parents=True)
    (proc / "driver/nvidia/version").write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n"
    )
    found = drivers.found(sys_folder, proc)
    assert (found["amdgpu"], found["nvidia"]) == ("6.16.6", "580.65.06")
