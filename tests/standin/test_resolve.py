"""Making a lock with the real uv and the real pip; a folder of wheels stands for the index."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import cache
from tools.errors import ToolError
from tools.standin import lockfile, requirements, resolve
from tools.standin.pip import Pin
from tools.standin.platforms import Platform

MakeWheel = Callable[..., Path]
EXTRA = """\
requirements: [{spec: "torch=={torch}{torch_local}", why: test}]
unmarked: [{name: everywhere, why: test}]
constraints: [{spec: "limited<2", why: test}]
"""
COMMON = """\
alpha[more] >= 1  # why
everywhere ; platform_machine == "x86_64"
posix-only ; sys_platform != "win32"
"""
ALPHA = """\
Requires-Dist: limited
Requires-Dist: colorama; sys_platform == "win32"
Requires-Dist: deep[inner]; extra == "more"
Provides-Extra: more
"""
DEEP = "Requires-Dist: core; extra == 'inner'\nProvides-Extra: inner\n"
LINUX_TAG = "cp311-cp311-manylinux_2_28_x86_64"


@pytest.fixture
def index(make_wheel: MakeWheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeWheel:
    """The wheels that there are, and where the lock goes; add to them by calling it."""
    monkeypatch.setattr(lockfile, "FOLDER", tmp_path)
    monkeypatch.setattr(requirements, "EXTRA", tmp_path / "extra.yaml")
    (tmp_path / "extra.yaml").write_text(EXTRA)
    make_wheel("alpha", headers=ALPHA)
    make_wheel("deep", headers=DEEP)
    for version in ("1.5", "2.0"):
        make_wheel("limited", version)
    for name in ("colorama", "core", "everywhere"):
        make_wheel(name)
    make_wheel("posix_only", tag=LINUX_TAG)
    make_wheel("torch", "2.13.0", tag="cp311-cp311-win_amd64")
    make_wheel("torch", "2.13.0+cpu", tag=LINUX_TAG)
    return make_wheel


def found(pins: list[Pin]) -> set[str]:
    return {pin.line().split(" ")[0] for pin in pins}


SHARED = {"alpha[more]==1.0", "deep[inner]==1.0", "core==1.0", "limited==1.5", "everywhere==1.0"}


def test_a_lock_is_the_closure_on_its_platform(
    index: MakeWheel, linux: Platform, windows: Platform
) -> None:
    pins = lockfile.write(linux, COMMON, print)
    assert found(pins) == SHARED | {"posix-only==1.0", "torch==2.13.0+cpu"}
    assert lockfile.read(linux) == sorted(pins, key=lambda pin: pin.name)
    assert lockfile.inputs_digest(linux) == requirements.digest(linux, COMMON)
    other = lockfile.write(windows, COMMON, print)
    assert found(other) == SHARED | {"colorama==1.0", "torch==2.13.0"}


def test_the_digests_are_those_of_the_wheels_and_they_are_cached(
    index: MakeWheel, linux: Platform
) -> None:
    for pin in lockfile.write(linux, COMMON, print):
        file = cache.find(pin.sha256, print)
        assert file is not None
        assert hashlib.sha256(file.read_bytes()).hexdigest() == pin.sha256


def test_a_distribution_without_a_wheel_is_named_and_the_lock_stays(
    index: MakeWheel, linux: Platform
) -> None:
    lockfile.write(linux, COMMON, print)
    before = lockfile.path(linux).read_bytes()
    with pytest.raises(
        ToolError, match=r"cannot resolve linux-64: .*sdist-only.*needs a wheel"
    ) as e:
        lockfile.write(linux, COMMON + "sdist-only\n", print)
    assert "\n" not in str(e.value)
    assert lockfile.path(linux).read_bytes() == before


def test_a_cuda_build_of_torch_is_refused(index: MakeWheel, linux: Platform) -> None:
    index("torch", "2.13.0+cpu", tag=LINUX_TAG, headers="Requires-Dist: nvidia-nccl-cu13\n")
    index("nvidia_nccl_cu13")
    with pytest.raises(ToolError, match=r"CUDA build: it pulls nvidia-nccl.*PIP_EXTRA_INDEX_URL"):
        lockfile.write(linux, COMMON, print)


def test_without_a_cpu_build_the_remedy_is_told(
    index: MakeWheel, linux: Platform, tmp_path: Path
) -> None:
    next((tmp_path / "wheels").glob("torch-2.13.0+cpu-*")).unlink()
    with pytest.raises(ToolError, match=r"torch==2\.13\.0\+cpu.*CPU build.*PIP_FIND_LINKS"):
        lockfile.write(linux, COMMON, print)


def test_extras_survive_a_bare_line_of_the_same_distribution() -> None:
    merged = resolve._merged("a==1\na[x]==1\nb[y]==2\nb==2\nb[z]==2\n")
    assert {name: str(requirement) for name, requirement in merged.items()} == {
        "a": "a[x]==1",
        "b": "b[y,z]==2",
    }
