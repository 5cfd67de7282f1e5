"""The adapters of other machines: Linux with another /sys, Windows with another registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from gfx_kernels import targets
from vllm_gfx.machine import adapters, windows_displays
from vllm_gfx.machine.adapters import Adapter

from tests.support.machines import (
    CARD,
    INTEGRATED,
    OTHER,
    WINDOWS_CARD,
    Configuration,
    device_of,
    sysfs,
    windows_adapters,
)

GIB = 2**30
NVIDIA = {"MatchingDeviceId": r"pci\ven_10de&dev_2684", "DriverDesc": "GeForce RTX 4090"}
OLD = {**WINDOWS_CARD, "DriverDesc": "Radeon RX 480", "DriverVersion": "27.20.1"}
# Laptop: an integrated GPU, a Radeon card and NVIDIA's.
THREE = {"0000:03:00.0": CARD, "0000:05:00.0": OTHER, "0000:0a:00.0": INTEGRATED}


def test_three_adapters(tmp_path: Path) -> None:
    memory = {"mem_info_vram_total": str(24 * GIB), "mem_info_vram_used": str(GIB)}
    listed = {**THREE, "0000:03:00.0": {**CARD, **memory}}
    root = sysfs(tmp_path, listed, {"0000:03:00.0": 110000, "0000:0a:00.0": 100306})
    assert adapters.found(root) == [
        Adapter(
            vendor="AMD",
            name="AMD Radeon RX 7900 XTX",
            pci="0000:03:00.0",
            gfx="gfx1100",
            vram_total=24 * GIB,
            vram_free=23 * GIB,
        ),
        Adapter("NVIDIA", "NVIDIA device 0x2684", "0000:05:00.0"),
        Adapter("AMD", "AMD device 0x164e", "0000:0a:00.0", "gfx1036"),
    ]


def test_other_devices_of_the_bus_are_none(tmp_path: Path) -> None:
    sound = {**CARD, "class": "0x040300"}
    network = {"vendor": "0x15b3", "device": "0x1", "class": "0x020000"}
    unknown = {"vendor": "0x1234", "device": "0x1111"}
    accelerator = {**CARD, "class": "0x120000"}
    listed = {f"0000:0{i}:00.0": d for i, d in enumerate((sound, network, unknown, accelerator))}
    assert [a.pci for a in adapters.found(sysfs(tmp_path, listed, {}))] == ["0000:03:00.0"]


def test_the_driver_that_holds_it(tmp_path: Path) -> None:
    root = sysfs(tmp_path, {"0000:03:00.0": CARD}, {})
    (root / "bus/pci/drivers/vfio-pci").mkdir(parents=True)
    link = root / "bus/pci/devices/0000:03:00.0/driver"
    link.symlink_to(root / "bus/pci/drivers/vfio-pci")
    (found,) = adapters.found(root)
    assert found.driver == "vfio-pci"


def test_a_container_that_hides_the_bus(tmp_path: Path) -> None:
    root = sysfs(tmp_path, {}, {"0000:c3:05.0": 90402})
    assert adapters.found(root) == [Adapter("AMD", "gfx942", "0000:c3:05.0", "gfx942", "amdgpu")]


def test_a_machine_without_any(tmp_path: Path) -> None:
    assert adapters.found(tmp_path) == []


@pytest.mark.parametrize("target", [t for t in targets.all_targets().values() if t.name != "cpu"])
def test_names_of_the_kernel_s_numbers(target: targets.Target) -> None:
    major, minor, stepping = (int(part) for part in target.isa.split("."))
    assert adapters.gfx_name(major * 10000 + minor * 100 + stepping) == target.name


def test_a_hexadecimal_stepping() -> None:
    assert adapters.gfx_name(90010) == "gfx90a"


def test_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = {"MatchingDeviceId": r"ROOT\BasicRender", "DriverDesc": "Basic Render"}
    # Qualcomm's, whose vendor is no number of PCI's
    phone = {"MatchingDeviceId": r"ACPI\VEN_QCOM&DEV_0C36", "DriverDesc": "Adreno X1-85"}
    windows_adapters(monkeypatch, [WINDOWS_CARD, NVIDIA, screen, phone])
    card, other = adapters.found()
    assert card == Adapter(
        vendor="AMD",
        name="AMD Radeon RX 7900 XTX",
        driver="32.0.23027.2005",
        software="26.8.1",
        vram_total=24 * GIB,
    )
    assert (other.vendor, other.name, other.vram_total) == ("NVIDIA", "GeForce RTX 4090", None)


@pytest.mark.parametrize("comes", ["", device_of(3)])
def test_cards_that_were_taken_out_of_windows(monkeypatch: pytest.MonkeyPatch, comes: str) -> None:
    """Their keys stay; an adapter may come while the others are listed."""
    now = Configuration([device_of(2)], comes)
    windows_adapters(monkeypatch, [NVIDIA, OLD, WINDOWS_CARD, WINDOWS_CARD], now)
    found = adapters.found()
    assert [one.name for one in found] == ["AMD Radeon RX 7900 XTX"] * (2 if comes else 1)


def test_an_adapter_without_a_driver_has_no_key_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    windows_adapters(monkeypatch, [OLD], Configuration([device_of(7)]))
    assert adapters.found() == []


def test_no_adapter_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    windows_adapters(monkeypatch, [OLD], Configuration([]))
    assert adapters.found() == []


def test_a_windows_that_does_not_say(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    windows_displays._say.cache_clear()
    windows_adapters(monkeypatch, [NVIDIA, WINDOWS_CARD], Configuration([], code=0x13))
    assert [one.vendor for one in adapters.found() + adapters.found()] == ["NVIDIA", "AMD"] * 2
    (said,) = caplog.messages
    assert "CONFIGRET 0x13" in said
