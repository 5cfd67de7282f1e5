"""What the doctor concludes about machines that are not this one."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from gfx_kernels import targets
from vllm_gfx import apply, doctor
from vllm_gfx.doctor import checks, environment, hardware, installed
from vllm_gfx.doctor.finding import BROKEN, NOTE, WARNING
from vllm_gfx.machine import adapters, long_paths, memory, probe, torch_view
from vllm_gfx.machine.adapters import Adapter
from vllm_gfx.machine.torch_view import TorchView

from tests.support.machines import (
    ROCM_TORCH,
    WINDOWS_CARD,
    FakeTorch,
    device,
    windows_adapters,
    world,
)

GIB = 2**30
CARD = {"name": "Radeon RX 7900 XTX", "gcnArchName": "gfx1100", "total_memory": 24 * GIB}
INTEGRATED = {"name": "Radeon 610M", "gcnArchName": "gfx1036", "total_memory": GIB // 2}
NVIDIA = Adapter("NVIDIA", "GeForce RTX 4090")


class Machine:
    """Replaces what the doctor asks this machine for."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch

    def torch(
        self, torch: TorchView | FakeTorch | probe.ProbeFailed, libraries: Sequence[str] = ()
    ) -> None:
        if isinstance(torch, FakeTorch):
            torch = torch_view.look(torch, free=True)
        failed = isinstance(torch, probe.ProbeFailed)
        found = torch if failed else probe.Answer(torch, {}, list(libraries))
        self.patch.setattr(hardware, "_asked", lambda: found)

    def target(self, name: str, listed: Sequence[Adapter] = ()) -> None:
        self.patch.setattr(targets, "built_for", lambda: name)
        self.patch.setattr(adapters, "found", lambda: list(listed))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def said(check: str) -> list[str]:
    return [str(finding) for finding in checks.CHECKS[check]()]


def test_every_check_has_a_test() -> None:
    files = (Path(__file__), Path(__file__).parents[1] / "vram" / "test_doctor.py")
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    assert set(checks.CHECKS) == set(re.findall(r'said\("([^"]+)"\)', source))


def test_packages_of_this_environment() -> None:
    assert said("packages") == []


def test_no_kernels_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "found", lambda: installed.Installed({}, {}))
    assert said("packages") == [f"{BROKEN}: gfx-kernels is not installed; install the package vllm"]


def test_no_gpu_for_a_gpu_target(machine: Machine) -> None:
    machine.torch(FakeTorch())
    machine.target("gfx1100")
    machine.patch.setattr(hardware, "here", lambda: world(torch=torch_view.look(FakeTorch())))
    (line,) = said("GPU")
    assert line.startswith(f"{BROKEN}: no GPU for this environment")


def test_torch_is_the_cuda_build(machine: Machine) -> None:
    machine.target("gfx1100")
    machine.torch(TorchView("2.13.0+cu130", cuda="13.0"))
    machine.patch.setattr("vllm_gfx.preflight.world.kfd_state", lambda _: "usable")
    machine.patch.setattr(Path, "glob", lambda *_: iter([Path("a.hsaco")]))
    (line,) = said("GPU")
    assert "torch 2.13.0+cu130 is the CUDA build" in line and line.startswith(BROKEN)


def test_a_good_gpu_and_its_remarks(machine: Machine) -> None:
    machine.target("gfx1100")
    machine.patch.setattr(hardware, "here", lambda: world())
    assert said("GPU") == []
    here = world(adapters=(NVIDIA,))
    machine.patch.setattr(hardware, "here", lambda: here)
    (line,) = said("GPU")
    assert line.startswith(WARNING) and "GPUs of two vendors" in line


def test_the_cpu_target_on_a_machine_with_a_gpu(machine: Machine) -> None:
    machine.torch(TorchView("2.13.0+cpu"))
    machine.target("cpu", [Adapter("AMD", "Radeon", gfx="gfx1100"), NVIDIA])
    (line,) = said("GPU")
    assert line.startswith(NOTE) and "gfx-target=*=gfx1100_*" in line
    assert said("other adapters") == [f"{NOTE}: GeForce RTX 4090 is not used by this environment"]
    machine.target("cpu")
    assert said("GPU") == []


def test_a_simulated_card_is_a_note(machine: Machine) -> None:
    machine.patch.setenv("VLLM_GFX_SIMULATE", "gfx1100")
    (line,) = said("GPU")
    assert line.startswith(NOTE) and "VLLM_GFX_SIMULATE=gfx1100" in line


def test_an_integrated_gpu_beside_a_card(machine: Machine) -> None:
    both = [{**INTEGRATED, "is_integrated": 1}, {**CARD, "is_integrated": 0}]
    machine.torch(FakeTorch(devices=both))
    (line,) = said("integrated GPU")
    assert "torch device 0 (Radeon 610M) is integrated" in line and "HIP_VISIBLE_DEVICES=1" in line
    machine.torch(FakeTorch(devices=both[:1]))
    assert said("integrated GPU") == []  # an APU alone is the one to use
    machine.torch(FakeTorch(devices=[INTEGRATED, CARD]))
    assert said("integrated GPU") == []  # torch does not say


def test_libraries_loaded_twice(machine: Machine, tmp_path: Path) -> None:
    files = [str(tmp_path / folder / "libamdhip64.so.7") for folder in ("torch", "opt")]
    machine.torch(FakeTorch(), libraries=files)
    (line,) = said("loaded libraries")
    assert line.startswith(f"{BROKEN}: amdhip64 is loaded from 2 files") and files[0] in line
    machine.torch(FakeTorch(), libraries=files[:1])
    assert said("loaded libraries") == []


def test_little_memory_and_disk(machine: Machine) -> None:
    machine.torch(FakeTorch(devices=[CARD]))  # of which half is free
    machine.patch.setattr(memory, "ram", lambda: (16 * GIB, 3 * GIB))
    machine.patch.setattr(memory, "disk", lambda path: GIB)
    lines = said("free memory")
    assert any("only 3.0 GiB of RAM" in line for line in lines)
    assert sum("only 1.0 GiB are free for the" in line for line in lines) == 4
    assert any("other programs hold 12.0 GiB of the 24.0 GiB" in line for line in lines)
    assert all(line.startswith(WARNING) for line in lines)


def test_paths_that_windows_libraries_cannot_open(machine: Machine) -> None:
    machine.patch.setattr("sys.prefix", "C:\\Users\\Jürgen\\env")
    assert said("paths") == []
    machine.patch.setattr("sys.platform", "win32")
    (line,) = said("paths")
    assert "Jürgen" in line and "letters outside ASCII" in line


def test_paths_longer_than_this_windows_opens(machine: Machine) -> None:
    home = Path("C:/Users/Somebody") / ("with a long name " * 6)
    machine.patch.setattr(hardware, "folders", lambda: {"model cache": home})
    assert said("long paths") == []
    machine.patch.setattr(long_paths, "enabled", lambda: False)
    (line,) = said("long paths")
    assert "can pass 259 characters" in line and "set HF_HOME to a short folder" in line
    assert "LongPathsEnabled to 1 in HKLM\\SYSTEM" in line
    machine.patch.setattr(hardware, "folders", lambda: {"model cache": Path("C:/Users/Me")})
    assert said("long paths") == []


def test_text_in_the_encoding_of_this_windows(machine: Machine) -> None:
    flags = SimpleNamespace(utf8_mode=0)
    machine.patch.setattr(checks, "sys", SimpleNamespace(platform="win32", flags=flags))
    (line,) = said("text files")
    assert line.startswith(WARNING) and "activate this environment, or set PYTHONUTF8=1" in line
    flags.utf8_mode = 1
    assert said("text files") == []


def test_torch_that_cannot_be_imported_is_said_once(machine: Machine) -> None:
    machine.torch(probe.ProbeFailed("torch: DLL load failed"))
    broken = [str(finding) for finding in doctor.conclude() if finding.level == BROKEN]
    assert broken == ["broken: torch: DLL load failed; install pytorch again, or update the driver"]
    assert said("torch") == broken
    assert "DLL load failed" in hardware.target()["torch"]
    assert not any("ProbeFailed" in str(finding) for finding in doctor.conclude())


def test_vllm_without_our_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said("patches") == []
    monkeypatch.setattr(environment, "patches", lambda: environment.UNPATCHED)
    (line,) = said("patches")
    assert line.startswith(BROKEN) and "lacks our patches" in line


def test_sections_about_a_machine_with_cards(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Adapter("AMD", "Radeon RX 7900 XTX", "0000:03:00.0", "gfx1100", "amdgpu", "", 24 * GIB)
    machine.target("gfx1100", [listed])
    view = TorchView(ROCM_TORCH, hip="7.15.26333", devices=(device(0, "gfx1100"),))
    machine.torch(view, libraries=["/a/libamdhip64.so.7"])
    assert hardware.target() == {
        "built for": "gfx1100",
        "devices": ["gfx1100"],
        "torch": f"{ROCM_TORCH}, the ROCm build (HIP 7.15.26333): Radeon gfx1100",
        "verdict": "the build matches a device",
    }
    assert hardware.driver_and_runtime()["driver of Radeon RX 7900 XTX"] == "amdgpu"
    assert hardware.devices() == {
        "0000:03:00.0 Radeon RX 7900 XTX": "AMD, gfx1100, 24.0 GiB",
        "torch device 0": "Radeon gfx1100, gfx1100, 20.0 GiB",
    }
    assert hardware.loaded_libraries() == {
        "amdhip64": ["/a/libamdhip64.so.7"],
        "all": "1 libraries",
    }


def test_the_documented_driver_is_named_on_windows(machine: Machine) -> None:
    listed = Adapter("AMD", "Radeon", driver="32.0.1", software="26.2.2")
    machine.target("gfx1100", [listed])
    machine.torch(TorchView(ROCM_TORCH, hip="7.15.26333"))
    machine.patch.setattr("sys.platform", "win32")
    facts = hardware.driver_and_runtime()
    assert facts["driver of Radeon"] == "32.0.1 (26.2.2)"
    assert facts["documented by AMD"].startswith("26.8.1 or newer (")


def test_a_windows_machine_from_its_registry(machine: Machine) -> None:
    """Every section about the machine and every check answers there."""
    windows_adapters(machine.patch, [WINDOWS_CARD])
    machine.patch.setattr(targets, "built_for", lambda: "gfx1100")
    dlls = [rf"C:\{folder}\amdhip64_7.dll" for folder in ("Windows", "env")]
    machine.torch(FakeTorch(devices=[{**CARD, "is_integrated": 0}]), libraries=dlls)
    machine.patch.setattr(hardware, "here", lambda: world(adapters=tuple(adapters.found())))
    assert hardware.target()["torch"].endswith("(HIP 7.15.26333): Radeon RX 7900 XTX")
    assert hardware.driver_and_runtime() == {
        "driver of AMD Radeon RX 7900 XTX": "32.0.23027.2005 (26.8.1)",
        "documented by AMD": hardware.driver_and_runtime()["documented by AMD"],
    }
    assert hardware.devices()["0 AMD Radeon RX 7900 XTX"] == "AMD, 24.0 GiB"
    assert hardware.free_memory()["memory of Radeon RX 7900 XTX"] == "12.0 GiB of 24.0 GiB"
    found = [str(finding) for finding in doctor.conclude()]
    assert not [line for line in found if "could not" in line]
    (twice,) = [line for line in found if "amdhip64 is loaded from 2 files" in line]
    assert twice.startswith(BROKEN) and twice.endswith("out of PATH")


def test_no_compiler_for_triton(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU under Linux; a compiler or the cpu target needs none."""
    machine.target("gfx1100")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(checks.compilers, "any_at_all", list)
    (line,) = said("compiler")
    assert "no C compiler, which Triton needs at its first start" in line and "gcc" in line
    monkeypatch.setattr(checks.compilers, "any_at_all", lambda: ["gcc"])
    assert said("compiler") == []
    monkeypatch.setattr(checks.compilers, "any_at_all", list)
    monkeypatch.setattr(sys, "platform", "win32")
    assert said("compiler") == []
    monkeypatch.setattr(sys, "platform", "linux")
    machine.target("cpu")
    assert said("compiler") == []


def test_an_installed_shim_is_active(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever needed() says now: on another system's module, for one."""
    name = "vllm_gfx.early.file_locks"
    shim = import_module(name)
    monkeypatch.setattr(apply, "shims", lambda stage: [shim] * (stage == "early"))
    assert environment.shims()["early/file_locks"].startswith("not needed here")
    monkeypatch.setattr(apply, "_installed", {name: True})
    assert environment.shims()["early/file_locks"].startswith("active")
