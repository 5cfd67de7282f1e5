"""Environments solved and installed from the built channel, with the stand-in as conda-forge."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
import rattler

from tests.rocm.conftest import RELEASES, Stack, using
from tools import paths, solve
from tools.errors import ToolError

ASKED = ["pytorch", "torchvision", "python 3.11.*", "pip"]
DEVICES = ("rocm-sdk-device-", "amd-torch-device-", "amd-torchvision-device-")


def devices(records: list[rattler.RepoDataRecord]) -> set[str]:
    names = {r.name.normalized for r in records}
    return {n for n in names if n.startswith(DEVICES)}


def of(gfx: str, family: str) -> set[str]:
    return {f"{d}{gfx}" for d in DEVICES} | {f"amd-torch-device-{family}"}


@pytest.mark.parametrize("platform", RELEASES)
@pytest.mark.parametrize(("gfx", "family"), [("gfx1100", "gfx110x"), ("gfx1201", "gfx12-0")])
def test_a_target_brings_its_device_packages(
    built: Stack, platform: str, gfx: str, family: str
) -> None:
    found = solve.records([*ASKED, *solve.asks_for(gfx)], platform)
    assert devices(found) == of(gfx, family)
    builds = {r.name.normalized: str(r.build) for r in found}
    assert builds["pytorch"] == builds["torchvision"] == "rocm10_0_0_py311_0"
    triton = {n for n in builds if n.startswith("triton")}
    assert triton == {"linux-64": {"triton"}, "win-64": {"triton-windows"}}[platform]


@pytest.mark.parametrize("platform", RELEASES)
@pytest.mark.parametrize("asked", [[], solve.asks_for("cpu")])
def test_nothing_asked_brings_no_device_package(
    built: Stack, platform: str, asked: list[str]
) -> None:
    found = solve.records([*ASKED, *asked], platform)
    assert not devices(found)
    assert str(next(r.build for r in found if r.name.normalized == "gfx-target")) == "cpu_0"


@pytest.mark.parametrize("platform", RELEASES)
@pytest.mark.parametrize("target", ["gfx1100", "cpu"])
def test_a_compiler_comes_with_a_gpu_under_linux_alone(
    built: Stack, platform: str, target: str
) -> None:
    """Triton's: the reference target launches nothing, and Triton for Windows brings one."""
    asked = ["pytorch", "xgrammar", *solve.asks_for(target)]  # xgrammar needs Triton
    channels = solve.channels_for(target)
    found = {r.name.normalized for r in solve.records(asked, platform, channels=channels)}
    assert ("triton" in found) == (platform == "linux-64")
    assert ("zig" in found) == (platform == "linux-64" and target != "cpu")


def test_a_second_gpu_can_be_added(built: Stack) -> None:
    extra = ["amd-torch-device-gfx1201", "amd-torch-device-gfx12-0"]
    found = solve.records([*ASKED, *solve.asks_for("gfx1100"), *extra])
    assert devices(found) == of("gfx1100", "gfx110x") | {*extra, "rocm-sdk-device-gfx1201"}


def test_a_gpu_without_packages_says_which_is_missing(built: Stack) -> None:
    with pytest.raises(ToolError, match=r"rocm-sdk-device-gfx906|gfx906"):
        solve.records([*ASKED, "rocm-sdk-device-gfx906"])


@pytest.fixture(scope="module")
def prefix(built_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("prefix") / "env"
    extra = ["amd-torch-device-gfx1201"]
    with using(built_root):
        found = solve.records([*ASKED, *solve.asks_for("gfx1100"), *extra])
        asyncio.run(rattler.install(found, target_prefix=where, show_progress=False))
    return where


def output(prefix: Path, *command: str) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    program = str(prefix / "bin" / command[0])
    return subprocess.run(
        [program, *command[1:]], check=True, capture_output=True, text=True, env=env, cwd=prefix
    ).stdout


def test_torch_finds_the_selector(prefix: Path) -> None:
    code = "import torch, torchvision, triton; print(torch.__version__, torch.__file__)"
    version, file = output(prefix, "python", "-c", code).split()
    assert version == "2.13.0" and file.startswith(str(prefix))


def test_pip_sees_whole_distributions(prefix: Path) -> None:
    assert output(prefix, "python", "-m", "pip", "check") == "No broken requirements found.\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [("hipcc", "hipcc"), ("torchrun", "torchrun"), ("rocm-sdk", "rocm-sdk"), ("rocm-note", "note")],
)
def test_commands_run(prefix: Path, command: str, said: str) -> None:
    assert output(prefix, command).strip() == said


def test_overlays_lie_in_the_folders_they_belong_to(prefix: Path) -> None:
    """Run paths are relative, so all of it has to share one site-packages."""
    site = prefix / "lib/python3.11/site-packages"
    assert {p.name for p in (site / "torch/.kpack").iterdir()} == {
        "torch_gfx1100.kpack",
        "torch_gfx110x.kpack",
        "torch_gfx1201.kpack",
    }
    assert {p.name for p in (site / "_rocm_sdk_libraries/.kpack").iterdir()} == {
        "blas_lib_gfx1100.kpack",
        "blas_lib_gfx1201.kpack",
    }
    relative = b"$ORIGIN/../../_rocm_sdk_core/lib"
    (library,) = (p for p in (site / "_rocm_sdk_libraries/lib").iterdir() if p.is_file())
    assert relative in library.read_bytes()
    assert (library.parent / "../../_rocm_sdk_core/lib").is_dir()


@pytest.mark.parametrize("gfx", ["gfx1201"])
def test_an_environment_for_windows_is_laid_out_as_windows_has_it(
    built: Stack, tmp_path: Path, gfx: str
) -> None:
    """Installed here, so nothing of it runs."""
    found = [
        r
        for r in solve.records([*ASKED, *solve.asks_for(gfx)], "win-64")
        if str(r.url).startswith(paths.CHANNEL.as_uri()) or r.name.normalized == "python"
    ]
    where = tmp_path / "env"
    installed = rattler.install(
        found, target_prefix=where, show_progress=False, platform=rattler.Platform("win-64")
    )
    asyncio.run(installed)
    site = where / "Lib/site-packages"
    assert (site / "torch/.kpack" / f"torch_{gfx}.kpack").is_file()
    assert (site / "torch/.kpack/torch_gfx12_0.kpack").is_file()
    assert (site / "_rocm_sdk_core/bin/amdhip64").read_bytes()[:2] == b"MZ"
    assert (where / "Scripts/hipInfo.exe").is_file() and (where / "Scripts/rocm-note").is_file()
