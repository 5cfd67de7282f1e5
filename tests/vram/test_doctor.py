"""What the doctor says of GPU memory in system memory."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from vllm_gfx import doctor, envs
from vllm_gfx.doctor import checks, hardware, shared_memory
from vllm_gfx.doctor.finding import BROKEN, WARNING, Finding
from vllm_gfx.vram import counters
from vllm_gfx.vram.counters import CannotRead
from vllm_gfx.vram.usage import Usage

from tests.vram.fake_counters import GIB, MIB, on_card

GAME, IDLE, GONE = os.getpid(), 1, 2**22 + 1  # the last is no process's number on Linux


def said(check: str) -> list[Finding]:
    return list(checks.CHECKS[check]())


closed: list[Any] = []


class Everyone:
    """Stands in for the reader of every process."""

    def everyone(self) -> dict[int, dict[str, Usage]]:
        browser = {"card": Usage(shared=600 * MIB, dedicated=300 * MIB)}
        clean = on_card(100 * MIB, 4 * GIB)
        return {IDLE: browser, GAME: on_card(3 * GIB), GONE: clean, 7: {}}

    def close(self) -> None:
        closed.append(self)


class Blind:
    def __init__(self) -> None:
        raise CannotRead("no such counters")


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "spills", lambda: True)
    monkeypatch.setattr(counters, "Windows", Everyone)
    monkeypatch.setattr(checks, "_built_for", lambda: "gfx1100")


def test_facts_name_the_largest(windows: None) -> None:
    found = hardware.free_memory()
    (mine,) = [name for name in found if f"(process {GAME})" in name]
    assert found[mine] == "18.0 GiB, shared 3.0 GiB"
    assert found[f"GPU memory of process {GONE}"] == "4.0 GiB, shared 0.1 GiB"
    assert next(iter(shared_memory.facts())) == mine


def test_the_counters_are_given_back(windows: None) -> None:
    closed.clear()
    shared_memory.by_process()
    assert len(closed) == 1


def test_processes_without_names(windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without psutil is one that the doctor is asked about."""
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert shared_memory.facts()[f"GPU memory of process {GAME}"] == "18.0 GiB, shared 3.0 GiB"


def test_a_program_that_spills_is_a_finding(windows: None) -> None:
    (finding,) = said("spilled memory")
    assert finding.level == WARNING
    assert f"(process {GAME}) are in system memory, beside 18.0 GiB on the GPU" in finding.what
    assert finding.what.startswith("3.0 GiB of the GPU memory of ")


def test_counters_that_cannot_be_read(windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "Windows", Blind)
    (finding,) = said("spilled memory")
    assert finding.level == WARNING and "no spill is noticed: no such counters" in finding.what
    assert "lodctr /R" in finding.remedy
    assert hardware.free_memory()["GPU memory by process"] == "could not tell: no such counters"


def test_without_a_gpu_nobody_asks(windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_built_for", checks._reference)
    assert said("spilled memory") == []


def test_linux_has_neither(windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "spills", lambda: False)
    assert shared_memory.facts() == {} and said("spilled memory") == []


def test_a_wrong_setting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(envs.ON_SPILL, "stop")
    line = "VLLM_GFX_ON_SPILL=stop; set it to warn or refuse, or unset it"
    assert said("spill setting") == [Finding(BROKEN, line)]
    assert doctor.conclude()[0] == Finding(BROKEN, line)
    monkeypatch.delenv(envs.ON_SPILL)
    assert said("spill setting") == []
