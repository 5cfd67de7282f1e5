"""`build --rocm`: what is built again, and how each bad input ends: one line, nothing published."""

from __future__ import annotations

import errno
import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from recipes.repack import OpenedWheel
from tests.rocm.conftest import LINUX, PYTHON, RELEASES, WINDOWS, Stack
from tests.rocm.wheels import Made
from tools import build, cache, paths
from tools.errors import ToolError
from tools.rocm import pins, store
from tools.rocm.build import build_stack


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """The build must have ended before a package is made."""
    monkeypatch.setattr(build, "make", lambda *_: pytest.fail("something was built"))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the jobs that were run; they are not."""
    names: list[str] = []
    monkeypatch.setattr(build, "make", lambda job, _: names.append(job.name))
    return names


def edit(name: str, **values: object) -> None:
    content = yaml.safe_load(paths.ROCM.read_text())
    content["wheels"][name] |= values
    paths.ROCM.write_text(yaml.safe_dump(content))


VARIANTS = paths.VARIANTS  # of this checkout
TORCH = LINUX.name("torch", "2.13.0+rocm10.0.0")


def test_nothing_changed_is_nothing_built(built: Stack, made: list[str]) -> None:
    for platform in ("linux-64", "win-64"):
        built.build(platform)
    assert made == []


@pytest.mark.parametrize(("pythons", "said"), [(["3.12"], True), (["3.11", "3.12"], False)])
def test_a_python_that_the_stand_in_has_not_is_noted(
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pythons: list[str],
    said: bool,
) -> None:
    monkeypatch.setattr("tools.rocm.build.plan", lambda *_, **__: [])
    monkeypatch.setattr(build, "publish", lambda: None)
    build_stack(["gfx1100"], "linux-64", pythons, stack.wheels)
    note = "note: `install` and `bundle` use a stand-in for conda-forge that has Python 3.11 only"
    assert (note in capsys.readouterr().err) == said


def test_a_changed_pin_builds_its_package_only(
    built: Stack, made: list[str], tmp_path: Path
) -> None:
    file, before = LINUX.device("gfx1100").file, paths.ROCM.read_text()
    other = LINUX.device("gfx1100")
    other.files["_rocm_sdk_libraries/.kpack/more_gfx1100.kpack"] = b"more"
    sha256, size = store.measure(other.write(tmp_path))
    edit(file, sha256=sha256, size=size)
    try:
        build_stack(["gfx1100"], "linux-64", [PYTHON], tmp_path)
    finally:
        paths.ROCM.write_text(before)
    assert made == ["rocm/rocm-sdk-device-gfx1100-linux-64"]


def test_wheels_in_the_cache_need_no_network_and_no_folder(built: Stack, made: list[str]) -> None:
    shutil.rmtree(paths.WHEELS)
    build_stack(["gfx1100"], "linux-64", [PYTHON], None)
    assert made == [] and (paths.WHEELS / TORCH).samefile(
        cache.find(str(pins.read().wheels[TORCH].sha256), print) or Path()
    )


@pytest.mark.usefixtures("never")
def test_a_pin_without_a_hash_names_the_command_that_fills_it(stack: Stack) -> None:
    edit(TORCH, sha256=None)
    with pytest.raises(ToolError) as error:
        stack.build("linux-64", "gfx1100")
    assert str(error.value) == (
        f"recipes/rocm.yaml has no sha256 for {TORCH}; fill it with `python dev.py pin rocm 10.0.0"
        " --target gfx1100 --platform linux-64 --python 3.11` where AMD's index can be reached"
    )


@pytest.mark.usefixtures("never")
def test_a_python_without_pins_is_refused_the_same_way(stack: Stack) -> None:
    with pytest.raises(ToolError, match=r"no sha256 for .*cp314.* and \d+ more; .*--python 3\.14"):
        build_stack(["gfx1100"], "win-64", ["3.14"], stack.wheels)


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize(
    ("targets", "platform", "python", "message"),
    [
        ("gfx1", "linux-64", "3.11", r"unknown target 'gfx1'; known targets: cpu, gfx1100"),
        ("gfx1100", "osx-arm64", "3.11", r"unknown platform 'osx-arm64'; known: linux-64, win-64"),
        ("gfx1100", "linux-64", "py312", r"'py312' is no version of Python; as 3\.12"),
    ],
)
def test_unknown_words_are_one_line(
    stack: Stack, targets: str, platform: str, python: str, message: str
) -> None:
    with pytest.raises(ToolError, match=message):
        build_stack([targets], platform, [python], stack.wheels)


@pytest.mark.usefixtures("never")
def test_a_target_that_is_not_for_the_platform_is_refused(stack: Stack) -> None:
    shutil.copy(VARIANTS / "gfx942.yaml", paths.VARIANTS)
    with pytest.raises(ToolError, match=r"gfx942 is not for win-64"):
        stack.build("win-64", "gfx1100", "gfx942")


@pytest.mark.usefixtures("never")
def test_a_named_target_without_rows_is_refused(stack: Stack) -> None:
    shutil.copy(VARIANTS / "gfx906.yaml", paths.VARIANTS)
    with pytest.raises(ToolError, match=r"has no row for gfx906; .*--index URL --target gfx906`"):
        stack.build("linux-64", "gfx1100", "gfx906")


@pytest.mark.parametrize("platform", ["linux-64", "win-64"])
def test_of_all_targets_those_of_another_stream_are_left_out(
    built: Stack, made: list[str], platform: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(VARIANTS / "gfx906.yaml", paths.VARIANTS)  # for Linux only
    try:
        build_stack(None, platform, [PYTHON], built.wheels)
    finally:
        (paths.VARIANTS / "gfx906.yaml").unlink()
    note = "left out: recipes/rocm.yaml has no row for gfx906\n"
    assert made == [] and (note in capsys.readouterr().err) == (platform == "linux-64")


@pytest.mark.usefixtures("never")
def test_of_all_targets_one_without_a_hash_is_not_left_out(stack: Stack) -> None:
    edit(LINUX.device("gfx1201").file, sha256=None)
    with pytest.raises(
        ToolError, match=r"no sha256 for .*gfx1201.*pin rocm 10\.0\.0 --platform linux-64 --python"
    ):
        build_stack(None, "linux-64", [PYTHON], stack.wheels)


def swapped(file: Path) -> None:
    shutil.copy(file.with_name(LINUX.name("torchvision", "0.28.0+rocm10.0.0")), file)


def grown(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(b"\0" * 100)


BEFORE_PINNING: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (
        lambda f: os.truncate(f, f.stat().st_size - 7),
        r"torch-2.* is truncated: \d+ of",
    ),
    "swapped": (swapped, r"torch-2.* (is truncated|has sha256 \w+, expected)"),
    "grown": (grown, r"torch-2\.13.* has sha256 \w+, expected"),
}


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize("case", BEFORE_PINNING)
def test_a_file_other_than_the_pinned_one_is_refused(stack: Stack, case: str) -> None:
    change, message = BEFORE_PINNING[case]
    change(stack.wheels / TORCH)
    with pytest.raises(ToolError, match=message):
        stack.build("linux-64", "gfx1100")
    assert not stack.packages() and not (paths.WHEELS / TORCH).exists()


@pytest.mark.usefixtures("never")
def test_a_wheel_that_cannot_be_had_is_one_line(stack: Stack) -> None:
    (stack.wheels / TORCH).unlink()
    with pytest.raises(ToolError, match=r"cannot download torch-2.*; give a folder .*--wheels"):
        stack.build("linux-64", "gfx1100")


def other_python(made: Made) -> None:
    made.file = made.file.replace("cp311", "cp312")


def other_owner(made: Made) -> None:
    made.files["torch/__init__.py"] = b"mine\n"


def other_need(made: Made) -> None:
    made.requires = [*made.requires, "flash-attn>=2"]


def other_command(made: Made) -> None:
    made.entry_points = "torch-more = torch.more:main\n"


DEVICE = LINUX.torch_device("gfx1100").file
PINNED: dict[str, tuple[Callable[[Made], None], str]] = {
    "another Python": (other_python, r"was built for cp312-cp312-linux_x86_64"),
    "a file of another": (
        other_owner,
        r"amd_torch_device_gfx1100-.* and torch-.* both hold lib/.*/torch/__init__\.py; they",
    ),
    "a new requirement": (other_need, r"requires flash-attn; add it to .*amd-torch-device/recipe"),
    "a new command": (
        other_command,
        r"entry_points of amd-torch-device/recipe\.yaml lack",
    ),
}


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize("case", PINNED)
def test_a_pinned_wheel_that_does_not_fit_is_refused_before_anything_is_built(
    stack: Stack, case: str
) -> None:
    change, message = PINNED[case]
    made = LINUX.torch_device("gfx1100")
    change(made)
    made.write(stack.wheels).rename(stack.wheels / DEVICE)
    stack.pin()
    with pytest.raises(ToolError, match=message):
        stack.build("linux-64", "gfx1100")
    assert not stack.packages()


def test_a_content_that_is_not_what_record_says_ends_the_build(stack: Stack) -> None:
    """Only seen while it is unpacked; what was published before stays, this package is not."""
    made = LINUX.torch_device("gfx1100")
    digest = made.record().split(b"sha256=")[1][:64]
    made.write(stack.wheels, lambda r: r.replace(digest, b"0" * 64))
    stack.pin()
    message = r"building rocm/amd-torch-device-gfx1100-linux-64-3\.11 failed: .*is not what RECORD"
    with pytest.raises(ToolError, match=message):
        stack.build("linux-64", "gfx1100")
    assert not stack.packages()
    assert not list(paths.STAMPS.rglob("*.json"))


def test_a_full_disk_is_one_line_before_the_work(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    real = shutil.disk_usage
    size = max(f.stat().st_size for f in stack.wheels.iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda p: usage(real(p).total, 0, 4 * size))
    with pytest.raises(ToolError, match=r"no disk space left"):
        stack.build("linux-64", "gfx1100")
    assert not stack.packages()


def test_a_disk_that_fills_up_while_a_package_is_written_leaves_none(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(package: Path) -> None:
        package.with_suffix(".new").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tools.normalise.normalise", full)
    with pytest.raises(ToolError, match=r"no disk space left"):
        stack.build("linux-64", "gfx1100")
    assert not stack.packages() and not list(paths.STAMPS.rglob("*.json"))


@pytest.mark.usefixtures("made")
def test_a_damaged_file_in_the_cache_is_fetched_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "publish", lambda: None)
    stack.build("linux-64", "gfx1100")
    digest = str(pins.read().wheels[TORCH].sha256)
    cached = cache.find(digest, print)
    assert cached
    cached.unlink()
    cached.write_bytes(b"damaged")
    stack.build("linux-64", "gfx1100")
    with OpenedWheel(paths.WHEELS / TORCH) as wheel:
        assert "torch/__init__.py" in wheel.members


def test_the_default_build_leaves_these_packages_alone(
    built: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = built.packages()
    assert {"triton-3.8.0-rocm10_0_0_py311_0.conda"} < before
    build.build(["cpu"])
    assert built.packages() == before


def test_windows_names_that_differ_in_case_only_are_one_file(stack: Stack) -> None:
    made = WINDOWS.torch_device("gfx1100")
    made.files["TORCH/__init__.py"] = b"mine\n"
    made.write(stack.wheels)
    stack.pin()
    with pytest.raises(ToolError, match=r"both hold .*/__init__\.py"):
        stack.build("win-64", "gfx1100")


@pytest.mark.parametrize("platform", RELEASES)
def test_one_wheel_may_not_hold_such_names_either(
    stack: Stack, made: list[str], platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "publish", lambda: None)
    release = RELEASES[platform]
    device = release.torch_device("gfx1100")
    device.files["torch/.KPACK/torch_gfx1100.kpack"] = b"mine\n"
    device.write(stack.wheels)
    stack.pin()
    if platform == "linux-64":
        stack.build(platform, "gfx1100")
        assert made
        return
    with pytest.raises(ToolError, match=r"holds torch/\S+ and torch/\S+, which are one file on w"):
        stack.build(platform, "gfx1100")
    assert not made
