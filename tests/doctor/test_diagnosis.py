"""Wrong packages, in environments made of dist-info folders and conda records."""

from __future__ import annotations

from pathlib import Path

import pytest
from vllm_gfx.doctor import diagnosis, installed
from vllm_gfx.doctor.finding import BROKEN, WARNING

from tests.support.machines import ROCM_TORCH, distribution, package

GFX = "gfx1201"
# What AMD's torch says of itself: its version of ROCm, its device packages behind extras.
TORCH_NEEDS = (
    "rocm[libraries]==10.0.0",
    'triton==3.8.0; platform_system == "Linux"',
    f'amd-torch-device-{GFX}=={ROCM_TORCH}; extra == "device-{GFX}"',
    f'amd-torch-device-gfx12-0=={ROCM_TORCH}; extra == "device-{GFX}"',
    f'amd-torch-device-gfx1100=={ROCM_TORCH}; extra == "device-gfx1100"',
)


class Environment:
    """A whole environment for GFX; tests take parts out and put others in."""

    def __init__(self, root: Path) -> None:
        self.root, self.site = root, root / "site-packages"
        for name in ("rocm", "rocm-sdk-core", "rocm-sdk-libraries", f"rocm-sdk-device-{GFX}"):
            distribution(self.site, name, "10.0.0")
        distribution(self.site, "torch", ROCM_TORCH, TORCH_NEEDS)
        for part in (GFX, "gfx12-0"):
            distribution(self.site, f"amd-torch-device-{part}", ROCM_TORCH)
        distribution(self.site, "triton", "3.8.0")
        distribution(self.site, "vllm", "0.32.0")
        for name, build in (("gfx-target", f"{GFX}_0"), ("gfx-kernels", f"{GFX}_h1_0")):
            package(root, name, "1", build)
        for name in ("vllm", "vllm-gfx", "pytorch", "rocm", "rocm-sdk-core"):
            package(root, name, "2", "rocm_0")
        package(root, "numpy", "2", "py_0", "conda-forge")

    def remove(self, name: str) -> None:
        for folder in self.site.glob(f"{name.replace('-', '_')}-[0-9]*.dist-info"):
            folder.rename(folder.with_suffix(".gone"))
        for record in self.root.glob(f"conda-meta/{name}-[0-9]*.json"):
            record.unlink()

    def replace(self, name: str, version: str, **more: str) -> None:
        self.remove(name)
        distribution(self.site, name, version, **more)  # type: ignore[arg-type]

    def findings(self, built_for: str = GFX) -> list[str]:
        found = installed.found(self.root, [str(self.site)])
        return [str(f) for f in diagnosis.packages(found, built_for, "cpu")]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def one(findings: list[str], level: str = BROKEN) -> str:
    (finding,) = findings
    assert finding.startswith(level) and "; " in finding, "no remedy"
    return finding


def test_a_whole_environment_has_nothing_wrong(environment: Environment) -> None:
    assert environment.findings() == []


def test_the_cpu_target_takes_pytorch_from_conda_forge(environment: Environment) -> None:
    environment.replace("torch", "2.13.0+cpu")
    environment.remove("pytorch")
    package(environment.root, "pytorch", "2.13.0", "cpu_0", "conda-forge")
    environment.remove("gfx-target")
    package(environment.root, "gfx-target", "1", "cpu_0")
    assert environment.findings("cpu") == []


def test_a_device_package_is_missing(environment: Environment) -> None:
    environment.remove(f"rocm-sdk-device-{GFX}")
    said = one(environment.findings())
    assert f"device package for {GFX} missing" in said
    assert said.endswith(f"install rocm-sdk-device-{GFX}")


def test_another_cards_device_package_is_there(environment: Environment) -> None:
    environment.remove(f"rocm-sdk-device-{GFX}")
    distribution(environment.site, "rocm-sdk-device-gfx1100", "10.0.0")
    assert "(there: rocm-sdk-device-gfx1100)" in one(environment.findings())


def test_the_family_package_is_missing(environment: Environment) -> None:
    environment.remove("amd-torch-device-gfx12-0")
    assert one(environment.findings()).endswith("install amd-torch-device-gfx12-0")


def test_a_device_package_that_only_conda_records(environment: Environment) -> None:
    environment.remove(f"rocm-sdk-device-{GFX}")
    package(environment.root, f"rocm-sdk-device-{GFX}", "10.0.0", "0")
    assert environment.findings() == []


@pytest.mark.parametrize("name", ["rocm-sdk-core", "rocm-sdk-libraries", f"rocm-sdk-device-{GFX}"])
def test_rocm_of_another_version(environment: Environment, name: str) -> None:
    environment.replace(name, "10.1.0")
    said = one(environment.findings())
    assert f"{name} is 10.1.0, torch {ROCM_TORCH} is built for 10.0.0" in said
    assert said.endswith(f"install {name} 10.0.0")


def test_torch_parts_of_another_version(environment: Environment) -> None:
    environment.replace(f"amd-torch-device-{GFX}", "2.14.0+rocm10.1.0")
    assert f"torch is {ROCM_TORCH}" in one(environment.findings())


def test_pip_put_another_torch_over_conda_s(environment: Environment) -> None:
    environment.remove("torch")
    distribution(environment.site, "torch", "2.13.0+cu130", installer="pip")
    said = one(environment.findings())
    assert "pip put torch 2.13.0+cu130 over pytorch 2 rocm_0 from gfx" in said
    assert "pip uninstall torch, then install pytorch again" in said


def test_pytorch_of_another_channel(environment: Environment) -> None:
    environment.remove("pytorch")
    package(environment.root, "pytorch", "2.13.0", "cuda130_0", "conda-forge")
    said = one(environment.findings())
    assert "cuda130_0 from conda-forge is not the one of the channel gfx" in said
    assert "channel_priority" in said


@pytest.mark.parametrize("built_for", ["cpu", GFX])
def test_vllm_of_another_channel(environment: Environment, built_for: str) -> None:
    environment.remove("gfx-target")
    package(environment.root, "gfx-target", "1", f"{built_for}_0")
    for record in environment.root.glob("conda-meta/vllm-2*.json"):
        record.unlink()
    package(environment.root, "vllm", "0.26.0", "cuda_0", "conda-forge")
    assert "vllm 0.26.0 cuda_0 from conda-forge" in one(environment.findings(built_for))


def test_kernels_of_another_target(environment: Environment) -> None:
    environment.remove("gfx-target")
    package(environment.root, "gfx-target", "1", "gfx1100_0")
    said = one(environment.findings())
    assert f"gfx-target says gfx1100, but gfx-kernels is built for {GFX}" in said
    assert "install gfx-kernels=*=gfx1100_*" in said


def test_no_vllm(environment: Environment) -> None:
    environment.remove("vllm")
    assert "vllm is not installed; install the package vllm" in one(environment.findings())


def test_no_torch(environment: Environment) -> None:
    environment.remove("torch")
    assert "torch is not installed; install the package pytorch" in one(environment.findings())


def test_a_requirement_of_torch_is_not_met(environment: Environment) -> None:
    environment.replace("triton", "3.9.0")
    assert "needs triton==3.8.0, 3.9.0 is there" in one(environment.findings(), WARNING)
    environment.remove("triton")
    assert "needs triton, which is not installed" in one(environment.findings(), WARNING)


def test_an_environment_that_is_not_conda_s(environment: Environment) -> None:
    for record in environment.root.glob("conda-meta/*.json"):
        record.unlink()
    assert environment.findings() == []


def test_this_environment_has_nothing_wrong() -> None:
    found = installed.found()
    assert "vllm" in found.packages and "torch" in found.distributions
    assert diagnosis.packages(found, "cpu", "cpu") == []
