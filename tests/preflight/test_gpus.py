"""Each GPU problem is one line that says what is wrong and what to do; a good machine says none."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from vllm_gfx.machine.adapters import Adapter
from vllm_gfx.machine.torch_view import TorchView
from vllm_gfx.preflight import gpus
from vllm_gfx.preflight.world import World

from tests.support.machines import ROCM_TORCH, blind, device, world

NVIDIA = Adapter("NVIDIA", "GeForce RTX 4090", "0000:02:00.0")
RADEON = Adapter("AMD", "Radeon RX 7900 XTX", "0000:03:00.0", "gfx1100")
INTEL = Adapter("Intel", "UHD Graphics")
OLD = Adapter("AMD", "Radeon RX 7900 XTX", driver="31.0.1", software="24.1.1")
CUDA = TorchView("2.13.0+cu130", cuda="13.0")
CPU = TorchView("2.13.0+cpu")


def line(here: World, count: int = 1) -> str:
    found = gpus.refusal(here, count)
    assert found is not None
    assert "\n" not in str(found) and "; " in str(found), "no remedy"
    return str(found)


@pytest.mark.parametrize(
    "here",
    [
        world(),
        world(devices=("gfx1100", "gfx1036")),
        world(adapters=()),  # a container that hides the bus
        world(adapters=(RADEON, INTEL)),
        world(variables={"HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": "0"}),
        world(adapters=(RADEON, NVIDIA), variables={"HIP_VISIBLE_DEVICES": "0"}),
        world(adapters=(OLD,), system="win32"),
    ],
)
def test_a_good_machine_passes(here: World) -> None:
    assert gpus.refusal(here) is None


@pytest.mark.parametrize(
    ("here", "words"),
    [
        ({"adapters": (), "kfd": "absent"}, ("/dev/kfd does not exist", "gfx-target=*=cpu_*")),
        ({"kfd": "forbidden"}, ("may not open /dev/kfd", "usermod -aG render")),
        ({"adapters": (INTEL,), "kfd": "absent"}, ("UHD Graphics and none of AMD's", "cpu")),
        ({"adapters": (NVIDIA,), "kfd": "absent"}, ("RTX 4090 and none of AMD's", "cpu")),
        ({"adapters": (RADEON,)}, ("torch sees none (No HIP GPUs", "check the driver")),
    ],
)
def test_no_gpu(here: dict[str, Any], words: tuple[str, ...]) -> None:
    said = line(world(torch=blind(), **here))
    assert [word for word in words if word not in said] == []
    assert "built for gfx1100" in said


@pytest.mark.parametrize("value", ["-1", "", "1", "7,0"])
@pytest.mark.parametrize(
    "variable", ["HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"]
)
def test_a_variable_that_hides_the_only_gpu(variable: str, value: str) -> None:
    said = line(world(torch=blind(), adapters=(RADEON,), variables={variable: value}))
    assert f"{variable}={value!r} hides it" in said and f"unset {variable}" in said


@pytest.mark.parametrize("value", ["0", "0,7", "GPU-1f2e3d"])
def test_a_variable_that_hides_nothing_is_not_blamed(value: str) -> None:
    variables = {"HIP_VISIBLE_DEVICES": value}
    assert "hides" not in line(world(torch=blind(), adapters=(RADEON,), variables=variables))


@pytest.mark.parametrize("torch", [CUDA, CPU])
def test_torch_of_another_build(torch: TorchView) -> None:
    said = line(world(torch=torch))
    assert f"torch {torch.version} is {torch.build}" in said
    assert "built for gfx1100" in said and "says rocm" in said


def test_two_vendors_and_torch_of_the_other() -> None:
    said = line(world(torch=CUDA, adapters=(RADEON, NVIDIA)))
    assert "two vendors" in said and "RX 7900 XTX, GeForce RTX 4090" in said


def test_two_vendors_and_one_variable_for_both() -> None:
    variables = {"CUDA_VISIBLE_DEVICES": "1"}
    said = line(world(adapters=(RADEON, NVIDIA), variables=variables))
    assert "two vendors" in said and "CUDA_VISIBLE_DEVICES=1" in said
    assert "HIP_VISIBLE_DEVICES=0" in said
    assert gpus.refusal(world(adapters=(RADEON,), variables=variables)) is None


def test_two_vendors_that_do_not_disturb_are_worth_a_line() -> None:
    here = world(adapters=(RADEON, NVIDIA))
    assert gpus.refusal(here) is None
    assert gpus.remarks(here) == [
        "GPUs of two vendors are here: Radeon gfx1100 is used, GeForce RTX 4090 is not"
    ]
    assert gpus.remarks(world()) == []


def test_variables_that_contradict_each_other() -> None:
    variables = {"HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": "1"}
    said = line(world(variables=variables))
    assert "contradict" in said and "unset CUDA_VISIBLE_DEVICES" in said


@pytest.mark.parametrize(
    "error",
    [
        "HIP driver version is insufficient for HIP runtime version",
        "The NVIDIA driver on your system is too old (found version 12020).",
    ],
)
def test_a_driver_that_the_runtime_refuses(error: str) -> None:
    said = line(world(torch=blind(error)))
    assert "driver is older than the runtime needs" in said and error in said
    assert "newer amdgpu driver" in said


def test_a_driver_that_only_hip_itself_calls_old() -> None:
    said = line(world(torch=blind(), runtime="hipErrorInsufficientDriver (35)"))
    assert "driver is older than the runtime needs" in said and "(35)" in said
    assert "older" not in line(world(torch=blind(), runtime="hipErrorNoDevice (100)"))


def test_an_old_driver_package_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    blinded = world(torch=blind(), adapters=(OLD,), system="win32")
    said = line(blinded)
    assert "24.1.1, AMD documents 26.8.1 or newer for ROCm 10.0.0" in said
    assert "Adrenalin Edition 26.8.1 or newer" in said
    newer = dataclasses.replace(OLD, software="26.10.1")
    assert "documents" not in line(dataclasses.replace(blinded, adapters=(newer,)))
    # What runs, runs: then it is a remark.
    (remark,) = gpus.remarks(world(adapters=(OLD,), system="win32"))
    assert "26.8.1 or newer" in remark


def test_a_gfx_of_another_target() -> None:
    said = line(world(devices=("gfx1201",)))
    assert "device 0 (Radeon gfx1201) is gfx1201" in said and "built for gfx1100" in said
    assert "install its target: gfx-target=*=gfx1201_*" in said


def test_a_gfx_that_no_target_is_for() -> None:
    said = line(world(devices=("gfx1103",)))
    assert "nearest target is gfx1102: install gfx-target=*=gfx1102_*" in said
    assert "HSA_OVERRIDE_GFX_VERSION=11.0.2" in said
    assert "nearest target is gfx1030: try" in line(world("gfx1030", devices=("gfx1031",)))
    on_windows = line(world(devices=("gfx1103",), system="win32"))
    assert "HSA_OVERRIDE" not in on_windows and "cpu target" in on_windows
    assert "no target is near it" in line(world(devices=("gfx803",)))
    assert "unknown gfx" in line(world(devices=("",)))


def test_an_integrated_gpu_before_the_card() -> None:
    here = world(devices=("gfx1036", "gfx1100"))
    assert "set HIP_VISIBLE_DEVICES=1, which is Radeon gfx1100" in line(here)
    chosen = dataclasses.replace(here, variables={"HIP_VISIBLE_DEVICES": "2,5"})
    assert "set HIP_VISIBLE_DEVICES=5" in line(chosen)


def test_as_many_gpus_as_are_asked_for() -> None:
    here = world(devices=("gfx1100", "gfx1036", "gfx1100"))
    assert gpus.refusal(here, 1) is None
    assert "HIP_VISIBLE_DEVICES=0,2" in line(here, 2)
    assert "device 1" in line(here, 3)


def test_features_of_a_device_do_not_count() -> None:
    from vllm_gfx.machine import torch_view

    from tests.support.machines import FakeTorch

    properties = {"name": "MI300X", "gcnArchName": "gfx942:sramecc+:xnack-", "total_memory": 1}
    seen = torch_view.look(FakeTorch(devices=[properties]))
    assert gpus.refusal(world("gfx942", torch=seen)) is None


def test_a_package_without_its_kernels() -> None:
    said = line(world(kernels=False))
    assert "holds no kernels" in said and "gfx-kernels" in said


def test_the_worlds_differ_only_where_told() -> None:
    assert world().torch == TorchView(ROCM_TORCH, "7.15.26333", devices=(device(0, "gfx1100"),))
