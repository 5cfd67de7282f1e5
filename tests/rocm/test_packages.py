"""The packages that wheels became: the same bytes, the right names, and nothing of this machine."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from functools import cache
from pathlib import Path

import pytest
from backports import zstd

from tests.rocm.conftest import PYTHON, RELEASES, TARGETS, Stack
from tools import normalise, paths, recipes, variants
from tools.rocm.build import plan
from tools.rocm.jobs import StackJob
from tools.trust import owners
from tools.trust.package import Package

OURS = ("INSTALLER", "RECORD")


@cache
def contents(package: Path) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    with zipfile.ZipFile(package) as archive:
        (name,) = [n for n in archive.namelist() if n.startswith("pkg-")]
        raw = io.BytesIO(zstd.decompress(archive.read(name)))
    with tarfile.open(fileobj=raw) as tar:
        return {m.name: (m, tar.extractfile(m).read()) for m in tar}  # type: ignore[union-attr]


def jobs(platform: str) -> list[StackJob]:
    return plan(variants.chosen(list(TARGETS)), platform, [PYTHON])


def package_of(job: StackJob) -> Path:
    recipe = job.rendered.recipe
    name = f"{recipe.package.name}-{recipe.package.version}-{recipe.build.string}.conda"
    folder = "noarch" if "noarch" in job.recipe.raw["build"] else job.on
    return paths.CHANNEL / folder / name


def index(job: StackJob) -> dict[str, object]:
    return Package(package_of(job)).index


@pytest.mark.parametrize("platform", RELEASES)
def test_every_file_of_every_wheel_is_in_its_package_byte_for_byte(
    built: Stack, platform: str
) -> None:
    """Also those that a build tool would like to relocate, strip, compile or rewrite."""
    wheels = [j for j in jobs(platform) if j.wheel and j.wheel.endswith(".whl")]
    assert len(wheels) == 14
    for job in wheels:
        held = contents(package_of(job))
        expected = {}
        with zipfile.ZipFile(built.wheels / job.file.name) as wheel:
            for row in wheel.infolist():
                name = row.filename
                if name.rpartition("/")[2] in OURS or name.endswith("scripts/rocm-note"):
                    continue
                site = name.partition(".data/purelib/")[2] or name
                top = name.partition(".data/data/")[2] or f"site-packages/{site}"
                expected[top] = wheel.read(row), bool(row.external_attr >> 16 & 0o111)
        found = {n: (c, bool(m.mode & 0o111)) for n, (m, c) in held.items()}
        rest = found.keys() - expected.keys()
        assert {n: found[n] for n in expected} == expected
        assert {n.rpartition("/")[2] for n in rest} <= {*OURS, "rocm-note"}, job.name


def test_the_script_of_a_wheel_gets_the_prefix_on_linux_only(built: Stack) -> None:
    for platform in RELEASES:
        (core,) = [j for j in jobs(platform) if j.recipe.name == "rocm-sdk-core"]
        rows = {r["_path"]: r for r in Package(package_of(core)).paths}
        placeholders = {p for p, r in rows.items() if r.get("prefix_placeholder")}
        assert placeholders == ({"python-scripts/rocm-note"} if platform == "linux-64" else set())


def test_no_host_package_knows_a_gpu(built: Stack) -> None:
    """One of each per platform, whatever the target; only device packages bear a GPU's name."""
    for platform in RELEASES:
        for job in jobs(platform):
            named = [g for g in (*TARGETS, "gfx110x", "gfx12-0") if g in index(job)["name"]]  # type: ignore[operator]
            if job.wheel and "device" not in str(index(job)["name"]):
                text = json.dumps([index(job), sorted(contents(package_of(job)))])
                assert not named and "gfx1" not in text.replace("rocm-gfx", "")
            elif job.wheel:
                assert len(named) >= 1


def test_a_gpu_has_its_own_and_its_familys_package(built: Stack) -> None:
    names = {str(index(j)["name"]) for j in jobs("win-64")}
    assert {n for n in names if n.startswith("amd-torch-device-")} == {
        "amd-torch-device-gfx1100",
        "amd-torch-device-gfx110x",
        "amd-torch-device-gfx1201",
        "amd-torch-device-gfx12-0",
    }
    target = Package(paths.CHANNEL / "noarch" / "rocm-gfx-10.0.0-gfx1201_0.conda")
    assert target.index["depends"] == [
        "gfx-target * gfx1201_*",
        "rocm-sdk-device-gfx1201 ==10.0.0",
        "amd-torch-device-gfx1201 ==2.13.0 rocm10_0_0_*",
        "amd-torch-device-gfx12-0 ==2.13.0 rocm10_0_0_*",
    ]
    cpu = Package(paths.CHANNEL / "noarch" / "rocm-gfx-10.0.0-cpu_0.conda")
    assert cpu.index["depends"] == ["gfx-target * cpu_*"]


@pytest.mark.parametrize("platform", RELEASES)
def test_no_two_packages_own_a_file(built: Stack, platform: str) -> None:
    every = [Package(package_of(j)) for j in jobs(platform) if j.wheel]
    assert len(every) == 15
    owners.check_packages(every, platform)


@pytest.mark.parametrize("platform", RELEASES)
def test_platform_and_python_are_what_the_wheel_is_for(built: Stack, platform: str) -> None:
    for job in jobs(platform):
        needs = index(job)["depends"]
        if not job.wheel:
            continue
        tag = job.wheel.removesuffix(".whl").rsplit("-", 3)[1:]
        if tag[0] == "cp311":
            assert "python 3.11.*" in needs and "python_abi 3.11.* *_cp311" in needs  # type: ignore[operator]
        else:
            assert "python >=3.11" in needs  # type: ignore[operator]
        expected = "noarch" if job.wheel.endswith(("any.whl", ".gz")) else platform
        assert index(job)["subdir"] == expected


def test_commands_are_made_by_the_client(built: Stack) -> None:
    (core,) = [j for j in jobs("win-64") if j.recipe.name == "rocm-sdk-core"]
    link = Package(package_of(core)).json("link.json")["noarch"]
    assert (
        link["type"] == "python"
        and "hipInfo = rocm_sdk_core._cli:hipInfo" in (link["entry_points"])
    )
    assert "rocminfo" not in str(link)


def test_licences_are_shipped(built: Stack) -> None:
    for job in jobs("linux-64"):
        if job.wheel:
            assert Package(package_of(job)).licences, job.name
    core = next(j for j in jobs("linux-64") if j.recipe.name == "rocm-sdk-core")
    assert Package(package_of(core)).licences == [
        "licences/_rocm_sdk_core/share/doc/hip/LICENSE.md"
    ]


def test_nothing_tells_when_or_where_it_was_built(built: Stack) -> None:
    for job in jobs("linux-64"):
        package = package_of(job)
        members = contents(package)
        assert {m.mtime for m, _ in members.values()} <= {normalise.EPOCH}
        info = Package(package).info
        root = str(built.root).encode()
        parts = {**{n: c for n, (_, c) in members.items()}, **info}
        named = {n for n, c in parts.items() if root in c}
        # what the client replaces by the prefix
        assert named <= {"python-scripts/rocm-note", "paths.json"}, job.name


def test_each_bill_of_materials_names_the_wheel(built: Stack) -> None:
    for job in jobs("linux-64"):
        if job.wheel:
            bill = package_of(job).with_suffix(".cdx.json").read_text()
            assert job.sha256 in bill and job.wheel in bill


def test_recipes_of_wheels_share_their_settings() -> None:
    """Nothing may relocate or strip what AMD built; one that forgets it would break at run time."""
    wheels = [r for r in recipes.all_recipes("rocm") if "repack.main" in str(r.raw["build"])]
    assert len(wheels) == 11
    for recipe in wheels:
        build = recipe.raw["build"]
        assert build["prefix_detection"] == {"ignore_binary_files": True}, recipe.name
        assert build["dynamic_linking"]["binary_relocation"] is False, recipe.name
        assert recipe.requirements("build") == ["python >=${{ python_min }}", "pyyaml"]
        assert recipe.raw["about"]["license_file"] == "licences/"
        assert build.get("noarch") == "python" or build["python"]["version_independent"] is True
