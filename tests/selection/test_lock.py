"""A lock of every environment of pixi.toml, for both platforms, from the stand-in channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rattler import LockChannel, LockFile, LockPlatform, RepoDataRecord
from rattler.platform import Subdir

from tests.selection import rendered
from tools import paths, solve, variants
from tools.pixi.manifest import Environment, Platform, read

OURS = read()
CHANNELS = dict(zip(OURS.channels, (paths.CHANNEL.as_uri(), paths.STANDIN.as_uri()), strict=True))
ENVIRONMENTS = [(e, p) for e in OURS.environments() if e.name != "dev" for p in e.platforms]
TARGETS = {v.isa[0]: name for name, v in variants.all_targets().items()}


def wanted(environment: Environment, platform: Platform) -> str:
    """The target that an environment has on a platform."""
    isa = dict(platform.virtual).get("__amdgpu_arch")
    return TARGETS[isa] if isa else environment.target


def records(
    environment: Environment, platform: Platform, channels: dict[str, str]
) -> list[RepoDataRecord]:
    """What pixi would lock. For a plain linux-64 pixi assumes glibc 2.28, which is enough for
    conda-forge's packages; some wheels of the stand-in need the 2.31 of this machine."""
    isa = dict(platform.virtual).get("__amdgpu_arch")
    specs, sources = environment.specs(channels), list(channels.values())
    return solve.records(specs, platform.subdir, isa, sources)


@dataclass(frozen=True)
class Locked:
    file: Path
    platforms: dict[str, LockPlatform]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Locked:
    platforms = {
        p.name: LockPlatform(p.name, Subdir(p.subdir), [f"{k}={v}" for k, v in p.virtual])
        for p in OURS.platforms
    }
    lock = LockFile(list(platforms.values()))
    for environment, platform in ENVIRONMENTS:
        lock.set_channels(environment.name, [LockChannel(c) for c in CHANNELS.values()])
        for record in records(environment, platform, CHANNELS):
            lock.add_conda_package(environment.name, platforms[platform.name], record)
    file = tmp_path_factory.mktemp("lock") / "pixi.lock"
    lock.to_path(file)
    return Locked(file, platforms)


def _named(found: list[RepoDataRecord]) -> dict[str, RepoDataRecord]:
    return {record.name.normalized: record for record in found}


def test_the_lock_has_every_environment(locked: Locked) -> None:
    found = dict(LockFile.from_path(locked.file).environments())
    assert set(found) == {e.name for e in OURS.environments()} - {"dev"}
    for environment in OURS.environments():
        if environment.name in found:
            platforms = {str(p.name) for p in found[environment.name].platforms()}
            assert platforms == {p.name for p in environment.platforms}


@pytest.mark.parametrize(("environment", "platform"), ENVIRONMENTS, ids=lambda each: each.name)
def test_each_environment_is_locked_to_its_target(
    locked: Locked, environment: Environment, platform: Platform
) -> None:
    lock = LockFile.from_path(locked.file).environment(environment.name)
    assert lock is not None
    (on,) = [p for p in lock.platforms() if p.name == platform.name]
    found = _named(lock.conda_repodata_records_for_platform(on) or [])
    target = wanted(environment, platform)
    assert [str(found[n].build) for n in ("gfx-target", "gfx-kernels")] == [f"{target}_0"] * 2
    assert all(record.sha256 for record in found.values())
    ours = {"vllm", "vllm-gfx", "vllm-gfx-tinylm", "gfx-target", "gfx-kernels"}
    ours |= {"gfx-auto"} if environment.target == "auto" else set()
    assert {n for n, r in found.items() if r.url.startswith(paths.CHANNEL.as_uri())} == ours
    other = [r for n, r in found.items() if n not in ours]
    assert all(r.url.startswith(paths.STANDIN.as_uri()) for r in other) and len(other) > 100


def test_a_lock_can_be_installed_without_solving(locked: Locked) -> None:
    """What is needed to fetch and check a package is in it: file, digest, and what it needs."""
    environment = LockFile.from_path(locked.file).environment("gfx1100")
    assert environment is not None
    for platform in environment.platforms():
        for record in environment.conda_repodata_records_for_platform(platform) or []:
            file = Path(record.url.removeprefix("file://"))
            assert file.is_file() and record.file_name == file.name


class TestWithRocm:
    """The same environments where AMD's packages are in the channel."""

    @pytest.fixture(scope="class")
    def channels(self, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
        found = rendered.channel(tmp_path_factory.mktemp("channel"), "3.11")
        return dict(zip(OURS.channels, found, strict=True))

    @pytest.mark.parametrize(("environment", "platform"), ENVIRONMENTS, ids=lambda each: each.name)
    def test_torch_is_amds_on_every_target_but_cpu(
        self, channels: dict[str, str], environment: Environment, platform: Platform
    ) -> None:
        found = _named(records(environment, platform, channels))
        target = wanted(environment, platform)
        assert str(found["gfx-target"].build) == f"{target}_0"
        is_amd = str(found["pytorch"].build).startswith("rocm")
        assert is_amd == (target != variants.REFERENCE)
        assert sorted(_devices(found)) == sorted(_parts(target))

    def test_the_first_channel_decides_whose_torch_it_is(self, channels: dict[str, str]) -> None:
        """With conda-forge first, torch would be one without AMD's code: hence our order."""
        asked, first = ["vllm", "gfx-target * gfx1100_*"], list(channels.values())
        for sources, is_amd in ((first, True), (first[::-1], False)):
            found = _named(solve.records(asked, channels=sources))
            assert str(found["pytorch"].build).startswith("rocm") == is_amd

    @pytest.mark.parametrize("platform", list(solve.ELSEWHERE))
    def test_nothing_asked_is_cpu_on_amds_torch(
        self, channels: dict[str, str], platform: str
    ) -> None:
        """Strict priority leaves no other torch; `cpu` in pixi.toml asks for conda-forge's."""
        found = _named(solve.records(["vllm"], platform, "11.0.0", list(channels.values())))
        assert str(found["gfx-target"].build) == "cpu_0" and not list(_devices(found))
        assert str(found["pytorch"].build).startswith("rocm")

    @pytest.mark.parametrize("platform", list(solve.ELSEWHERE))
    def test_device_packages_of_two_gpus_coexist(
        self, channels: dict[str, str], platform: str
    ) -> None:
        """Kernels of ours are for one target; AMD's libraries may serve another GPU beside it."""
        asked = ["vllm", "gfx-target * gfx1100_*", "amd-torch-device-gfx1201"]
        found = _named(solve.records(asked, platform, None, list(channels.values())))
        both = {*_parts("gfx1100"), "rocm-sdk-device-gfx1201", "amd-torch-device-gfx1201"}
        assert set(_devices(found)) == both


def _devices(found: dict[str, RepoDataRecord]) -> Iterator[str]:
    return (n for n in found if n.startswith(("rocm-sdk-device-", "amd-torch-device-")))


def _parts(target: str) -> Iterator[str]:
    """The packages that hold AMD's device code for `target`: one for it, one for its family."""
    variant = variants.all_targets()[target]
    if variant.has_card:
        yield from (f"rocm-sdk-device-{target}", f"amd-torch-device-{target}")
    if variant.has_card and variant.rocm_family != ["none"]:
        yield f"amd-torch-device-{variant.rocm_family[0]}"
