"""The energy counter is that of the card in use, and a driver that does not tell is no error.

The libraries are stand-ins with the names and answers of the real ones; no AMD card ran this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from vllm_gfx.bench import drive, energy, gather, measures, rows
from vllm_gfx.bench.plan import Sizes

from tests.bench_engine import made_up


class AmdSmiException(Exception):
    """The base of amdsmi's own."""


class NVMLError(Exception):
    """The base of pynvml's own."""


CARD = SimpleNamespace(pci_domain_id=0, pci_bus_id=0x0A, pci_device_id=0, uuid="seen")
ADDRESSES = ("0000:05:00.0", "0000:0A:00.0")  # the second is the one in use
Use = Callable[..., None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """Has torch see CARD, and the process find a library of this name."""

    def with_library(name: str, hip: str | None, **functions: Any) -> None:
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**functions))
        monkeypatch.setattr(torch.version, "hip", hip)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: CARD)

    energy._counter.cache_clear()
    yield with_library
    energy._counter.cache_clear()


def amdsmi(use: Use, **changed: Any) -> None:
    """Two cards; the handles are their places."""
    told = {"energy_accumulator": 2_000_000, "counter_resolution": 15.3, "timestamp": 1}
    functions: dict[str, Any] = {
        "AmdSmiException": AmdSmiException,
        "amdsmi_init": lambda: None,
        "amdsmi_get_processor_handles": lambda: [0, 1],
        "amdsmi_get_gpu_device_bdf": ADDRESSES.__getitem__,
        "amdsmi_get_energy_count": lambda handle: told if handle else {},
    }
    use("amdsmi", "7.0", **functions | changed)


def no(*_: Any) -> Any:
    raise AmdSmiException("AMDSMI_STATUS_NOT_SUPPORTED")


def test_an_amd_card_is_found_by_its_address(use: Use) -> None:
    amdsmi(use)
    assert energy.joules() == pytest.approx(30.6)


@pytest.mark.parametrize(
    "changed",
    [
        {"amdsmi_get_processor_handles": list},
        {"amdsmi_get_processor_handles": no},
        {"amdsmi_get_gpu_device_bdf": no},
        {"amdsmi_get_gpu_device_bdf": lambda _: "0001:0a:00.0"},
        {"amdsmi_get_energy_count": no},
        {"amdsmi_get_energy_count": lambda _: {"power": 1, "counter_resolution": 15.3}},
        {"amdsmi_init": no},
    ],
    ids=["no cards", "no handles", "no address", "elsewhere", "no count", "old name", "no driver"],
)
def test_an_amd_driver_that_does_not_tell(use: Use, changed: dict[str, Any]) -> None:
    amdsmi(use, **changed)
    assert energy.joules() is None


def test_an_nvidia_card_is_found_by_its_uuid(use: Use) -> None:
    counts = iter([5000, NVMLError(), 7000])

    def count(handle: str) -> int:
        told = next(counts)
        if isinstance(told, NVMLError):
            raise told
        return told if handle == "handle of GPU-seen" else 0

    use(
        "pynvml",
        None,
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID="handle of {}".format,
        nvmlDeviceGetTotalEnergyConsumption=count,
    )
    assert [energy.joules() for _ in range(3)] == [5.0, None, 7.0]


def test_without_a_library(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    amdsmi(use)
    monkeypatch.setitem(sys.modules, "amdsmi", None)  # importing it is an ImportError
    assert energy.joules() is None


@pytest.mark.parametrize("installed", [False, True])
def test_rows_have_energy_only_with_the_library(
    use: Use, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    """`amdsmi` is not installed by us: the measurements are the same, but for the joules."""
    amdsmi(use)
    if not installed:
        monkeypatch.setitem(sys.modules, "amdsmi", None)
    model = SimpleNamespace(get_vocab_size=lambda: 9)
    engine: Any = SimpleNamespace(vllm_config=SimpleNamespace(model_config=model))
    timeline = drive.Timeline(0.0, [[1.0, 2.0, 3.0, 4.0]])
    monkeypatch.setattr(measures.Bench, "timeline", lambda *_: timeline)
    bench = measures.Bench(engine, Sizes(streams=(1,), prompts=(128,)))
    measured = [
        m for taken in (measures.decode, measures.ttft, measures.streams) for m in taken(bench)
    ]
    found = gather.gather([made_up.outcome("gfx", 0, *measured)], "now", ["gfx"])
    told = {row["metric"] for row in found if row["energy_j"] is not None}
    assert told == ({"decode", "ttft", "throughput_with_prefill"} if installed else set())
    for row in found:
        rows.check(row)


def test_energy_stands_where_prefill_is_counted() -> None:
    """And once, or sums over rows would count it several times."""
    timeline = drive.Timeline(0.0, [[1.0, 2.0, 3.0, 4.0]])
    bench: Any = SimpleNamespace(sizes=Sizes(streams=(1,)), repeated=lambda *_: ([timeline], 12.0))
    found = {m.metric: m.energy_j for m in measures.streams(bench)}
    assert found == {"tpot": None, "throughput": None, "throughput_with_prefill": 12.0}
