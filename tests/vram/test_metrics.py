"""The gauge of a server's processes, on faked counters."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from vllm_gfx.vram import counters, metrics
from vllm_gfx.vram.counters import CannotRead
from vllm_gfx.vram.usage import Usage

from tests.vram.fake_counters import GIB, MIB, on_card


def _samples(registry: CollectorRegistry) -> dict[str, float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {s.labels["where"]: s.value for family in families for s in family.samples}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> CollectorRegistry:
    """As on Windows; registered twice, as vLLM calls a plug-in repeatedly."""
    monkeypatch.setattr(counters, "spills", lambda: True)
    found = CollectorRegistry()
    metrics.register(found)
    metrics.register(found)
    return found


def test_this_server_s_processes_and_no_others(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as engine:

        class Everyone:
            def everyone(self) -> dict[int, dict[str, Usage]]:
                mine = {"card": Usage(shared=MIB)}
                game = on_card(GIB)
                return {engine.pid: on_card(3 * GIB), os.getpid(): mine, 1: game}

        monkeypatch.setattr(metrics, "Windows", Everyone)
        assert _samples(registry) == {"gpu": 18.0 * GIB, "system": 3.0 * GIB + MIB}


def test_without_counters_there_is_no_sample(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind() -> None:
        raise CannotRead("no counters")

    monkeypatch.setattr(metrics, "Windows", blind)
    assert _samples(registry) == {}


def test_on_linux_nothing_is_registered() -> None:
    found = CollectorRegistry()
    metrics.register(found)
    assert not list(found.collect())
