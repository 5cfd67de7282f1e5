"""Other machines, made of folders and plain values: what the system, torch and conda would say."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vllm_gfx.machine import windows_displays
from vllm_gfx.machine.adapters import Adapter
from vllm_gfx.machine.torch_view import Device, TorchView
from vllm_gfx.preflight.world import World

GIB = 2**30
ROCM_TORCH = "2.13.0+rocm10.0.0"
# What /sys says of three adapters: a card, an integrated GPU, another vendor's card.
CARD = {"vendor": "0x1002", "device": "0x744c", "product_name": "AMD Radeon RX 7900 XTX"}
INTEGRATED = {"vendor": "0x1002", "device": "0x164e"}
OTHER = {"vendor": "0x10de", "device": "0x2684"}


def sysfs(root: Path, adapters: Mapping[str, Mapping[str, str]], kfd: Mapping[str, int]) -> Path:
    """A /sys with PCI `adapters` by address and KFD nodes: address -> gfx_target_version.

    Node 0 is the processor, as on a real machine.
    """
    for address, files in adapters.items():
        folder = root / "bus/pci/devices" / address
        folder.mkdir(parents=True)
        for name, text in {"class": "0x030000", **files}.items():
            (folder / name).write_text(text + "\n")
    for number, (address, version) in enumerate({"": 0, **kfd}.items()):
        node = root / "class/kfd/kfd/topology/nodes" / str(number)
        node.mkdir(parents=True)
        bus, slot = (
            int(part, 16) for part in (address or "0:0:0:0.0").split(".")[0].split(":")[-2:]
        )
        lines = f"domain 0\nlocation_id {bus << 8 | slot << 3}\ngfx_target_version {version}\n"
        (node / "properties").write_text(lines)
    return root


class Registry:
    """`winreg` with display adapters, each a mapping of values, and their devices."""

    HKEY_LOCAL_MACHINE = object()

    def __init__(self, adapters: Sequence[Mapping[str, Any]]) -> None:
        keys = {f"{i:04d}": dict(a) for i, a in enumerate(adapters)} | {"Configuration": {}}
        self.keys: dict[str, Mapping[str, Any]] = {windows_displays.CLASS: keys, **keys}
        for number in range(len(adapters)):
            driver = rf"{windows_displays.CLASS.upper()}\{number:04d}"
            self.keys[device_of(number).rpartition("\\")[2]] = {"Driver": driver}

    def OpenKey(self, parent: Any, name: str) -> Any:
        last = name.rpartition("\\")[2]
        if last not in self.keys:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return _Key(self.keys[last])

    def QueryInfoKey(self, key: Any) -> tuple[int, int, int]:
        return len(key.content), len(key.content), 0

    def EnumKey(self, key: Any, index: int) -> str:
        return str(list(key.content)[index])

    def EnumValue(self, key: Any, index: int) -> tuple[str, Any, int]:
        return (*list(key.content.items())[index], 1)

    def QueryValueEx(self, key: Any, name: str) -> tuple[Any, int]:
        if name not in key.content:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return key.content[name], 1


class _Key:
    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content

    def __enter__(self) -> _Key:
        return self

    def __exit__(self, *_: object) -> None: ...


def device_of(number: int) -> str:
    """The device whose key is that of adapter `number`."""
    return rf"PCI\VEN_1002&DEV_744C\6&2f&0&{number:08d}"


class Configuration:
    """`cfgmgr32` that lists `devices`; one more comes between a question for the size and it."""

    def __init__(self, devices: Sequence[str], comes: str = "", code: int = 0) -> None:
        self.devices, self.comes, self.code = list(devices), comes, code

    @property
    def _text(self) -> str:
        return "".join(f"{device}\0" for device in self.devices) + "\0"

    def CM_Get_Device_ID_List_SizeW(self, length: Any, asked: str, flags: int) -> int:
        assert (asked, flags) == (windows_displays.CLASS, 0x300)
        length._obj.value = len(self._text)
        return self.code

    def CM_Get_Device_ID_ListW(self, asked: str, buffer: Any, length: Any, flags: int) -> int:
        assert (asked, flags) == (windows_displays.CLASS, 0x300)
        if self.comes:
            self.devices.append(self.comes)
            self.comes = ""
        if len(self._text) > length.value:
            return 0x1A
        buffer[:] = self._text
        return 0


def windows_adapters(
    patch: pytest.MonkeyPatch,
    adapters: Sequence[Mapping[str, Any]],
    configuration: Configuration | None = None,
) -> None:
    """Make this process see Windows with these `adapters`, all present unless told otherwise."""
    library = configuration or Configuration([device_of(i) for i in range(len(adapters))])
    patch.setattr("sys.platform", "win32")
    patch.setitem(sys.modules, "winreg", Registry(adapters))
    patch.setattr(windows_displays, "_library", lambda: library)


WINDOWS_CARD = {
    "MatchingDeviceId": r"PCI\VEN_1002&DEV_744C&REV_C8",
    "DriverDesc": "AMD Radeon RX 7900 XTX",
    "DriverVersion": "32.0.23027.2005",
    "RadeonSoftwareVersion": "26.8.1",
    "HardwareInformation.qwMemorySize": 24 * GIB,
}


class FakeTorch:
    """The module `torch` with a build and devices: each a mapping of its properties."""

    def __init__(
        self,
        version: str = ROCM_TORCH,
        hip: str | None = "7.15.26333",
        cuda: str | None = None,
        devices: Sequence[Mapping[str, Any]] = (),
        error: str = "No HIP GPUs are available",
    ) -> None:
        self.__version__ = version
        self.version = SimpleNamespace(hip=hip, cuda=cuda)
        self.cuda = _Cuda(devices, error)


class _Cuda:
    def __init__(self, devices: Sequence[Mapping[str, Any]], error: str) -> None:
        self.devices, self.error = devices, error

    def is_available(self) -> bool:
        return bool(self.devices)

    def init(self) -> None:
        if not self.devices:
            raise RuntimeError(self.error)

    def device_count(self) -> int:
        return len(self.devices)

    def get_device_properties(self, index: int) -> SimpleNamespace:
        return SimpleNamespace(**self.devices[index])

    def mem_get_info(self, index: int) -> tuple[int, int]:
        total = self.devices[index]["total_memory"]
        return total // 2, total


def world(
    built_for: str = "gfx1100",
    devices: Sequence[str] = ("gfx1100",),
    torch: TorchView | None = None,
    **more: Any,
) -> World:
    """A working machine with `devices`; what is given replaces parts of it."""
    seen = TorchView(
        ROCM_TORCH, hip="7.15.26333", devices=tuple(device(i, gfx) for i, gfx in enumerate(devices))
    )
    listed = tuple(Adapter("AMD", f"Radeon {gfx}", gfx=gfx) for gfx in devices)
    return World(built_for, torch or seen, **{"adapters": listed, "system": "linux", **more})


def device(index: int, gfx: str) -> Device:
    return Device(index, f"Radeon {gfx}", gfx, 20 * GIB)


def blind(error: str = "No HIP GPUs are available", version: str = ROCM_TORCH) -> TorchView:
    """ROCm's torch that sees no device."""
    return TorchView(version, hip="7.15.26333", error=error)


def distribution(
    site: Path, name: str, version: str, requires: Sequence[str] = (), installer: str = "conda"
) -> None:
    """A dist-info folder in `site`."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    (folder / "METADATA").write_text("\n".join(lines) + "\n")
    (folder / "INSTALLER").write_text(installer + "\n")


def package(prefix: Path, name: str, version: str, build: str, channel: str = "gfx") -> None:
    """A record in the conda-meta of `prefix`."""
    folder = prefix / "conda-meta"
    folder.mkdir(parents=True, exist_ok=True)
    record = {"name": name, "version": version, "build": build, "channel": f"https://x/{channel}"}
    (folder / f"{name}-{version}-{build}.json").write_text(json.dumps(record))
